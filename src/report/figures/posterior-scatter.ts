// The upper half of Figure 1: the aggregate posterior on a t-SNE map, over samples of the prior.

import type { TopLevelSpec } from 'vega-lite';
import { cut, shown } from '../../text.js';
import { REFERENCE_COLOUR, renderSvg, SUBJECT_COLOUR } from './render.js';

export interface PosteriorScatter {
  title: string;
  /** Positions of the codes, `[sentences, 2]`, flat. */
  posterior: Float64Array;
  /** Positions of the prior's samples, `[samples, 2]`, flat. */
  prior: Float64Array;
  /** The class of each sentence, where the corpus has classes. */
  classes?: readonly string[] | undefined;
}

const POSTERIOR = 'aggregate posterior';
const PRIOR = 'prior, N(0, I)';
/** Characters of a class that the legend has room for. */
const LONGEST_NAME = 40;

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

/** A name as an expression of Vega's, which takes even a text that is spelled like a property for one: so, letter by letter. */
function literal(name: string): string {
  const letters = Array.from(cut(shown(name), LONGEST_NAME), (letter) => JSON.stringify(letter));
  return `(${letters.join(' + ')})`;
}

/** Draws the map as SVG. More classes than there are marks would be no help, and are left out. */
export function posteriorScatter({ title, posterior, prior, classes }: PosteriorScatter): Promise<string> {
  const names = [...new Set(classes)].sort();
  const byClass = classes !== undefined && names.length <= MARKS.length;
  const legends = [PRIOR, ...(byClass ? names : [POSTERIOR])];
  // Vega looks values up as names of properties: a class may be called `constructor`, a group's number may not.
  const groupOf = new Map(legends.slice(1).map((name, i) => [name, i + 1]));
  const groups = legends.map((_, group) => group);
  const rows = (map: Float64Array, group: (i: number) => number) =>
    Array.from({ length: map.length / 2 }, (_, i) => ({ x: map[2 * i]!, y: map[2 * i + 1]!, group: group(i) }));
  const values = [...rows(prior, () => 0), ...rows(posterior, (i) => groupOf.get(byClass ? classes[i]! : POSTERIOR)!)];
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
    labelExpr: `[${legends.map(literal).join(', ')}][datum.value]`,
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
