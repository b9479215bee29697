// The upper half of Figure 1: the aggregate posterior on a t-SNE map, over samples of the prior.

import type { TopLevelSpec } from 'vega-lite';
import { REFERENCE_COLOUR, renderSvg, SUBJECT_COLOUR } from './render.js';

export interface PosteriorScatter {
  title: string;
  /** Positions of the codes, `[sentences, 2]`, flat. */
  posterior: Float64Array;
  /** Positions of the prior's samples, `[samples, 2]`, flat. */
  prior: Float64Array;
  /** The class of each sentence, where the corpus has classes. */
  classes?: readonly string[];
}

const POSTERIOR = 'aggregate posterior';
const PRIOR = 'prior, N(0, I)';

/** Of the classes: colours that stay apart for the colour-blind, and shapes for who sees none. */
const MARKS = [
  [SUBJECT_COLOUR, 'circle'],
  ['#d55e00', 'triangle-up'],
  ['#009e73', 'square'],
  ['#cc79a7', 'diamond'],
  ['#e69f00', 'triangle-down'],
  ['#56b4e9', 'cross'],
  ['#000000', 'triangle-right'],
] as const;

/** Draws the map as SVG. More classes than there are marks would be no help, and are left out. */
export function posteriorScatter({ title, posterior, prior, classes }: PosteriorScatter): Promise<string> {
  const names = [...new Set(classes)].sort();
  const byClass = classes !== undefined && names.length <= MARKS.length;
  const groups = [PRIOR, ...(byClass ? names : [POSTERIOR])];
  const rows = (map: Float64Array, group: (i: number) => string) =>
    Array.from({ length: map.length / 2 }, (_, i) => ({ x: map[2 * i]!, y: map[2 * i + 1]!, group: group(i) }));
  const values = [...rows(prior, () => PRIOR), ...rows(posterior, (i) => (byClass ? classes[i]! : POSTERIOR))];
  // One unit on both axes, since the map has no directions of its own.
  const reach = 1.04 * values.reduce((most, { x, y }) => Math.max(most, Math.abs(x), Math.abs(y)), 0);
  const position = (field: 'x' | 'y') => ({
    field,
    type: 'quantitative',
    axis: null,
    scale: { domain: [-reach, reach], nice: false },
  });
  const legend = {
    title: byClass ? `${POSTERIOR}, by class, and prior` : null,
    orient: 'bottom',
    columns: 4,
    symbolOpacity: 1,
  };
  const marks = [[REFERENCE_COLOUR, 'circle'], ...MARKS].slice(0, groups.length);
  const spec = {
    title,
    description: `${title}: a t-SNE map of ${posterior.length / 2} codes and ${prior.length / 2} samples of the prior`,
    width: 460,
    height: 460,
    view: { stroke: '#cccccc' },
    data: { values },
    mark: { type: 'point', filled: true, size: 16, opacity: 0.7 },
    encoding: {
      x: position('x'),
      y: position('y'),
      color: {
        field: 'group',
        type: 'nominal',
        scale: { domain: groups, range: marks.map(([colour]) => colour) },
        legend,
      },
      shape: {
        field: 'group',
        type: 'nominal',
        scale: { domain: groups, range: marks.map(([, shape]) => shape) },
        legend,
      },
    },
  };
  return renderSvg(spec as TopLevelSpec);
}
