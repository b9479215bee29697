// The lower half of Figure 1: how each dimension of the aggregate posterior is spread, beside N(0, 1), in small multiples.

import type { TopLevelSpec } from 'vega-lite';
import type { Marginal } from '../../evaluation/aggregate-posterior.js';
import { REFERENCE_COLOUR, renderSvg, SUBJECT_COLOUR } from './render.js';

export interface MarginalDensities {
  title: string;
  /** [latentSize] */
  marginals: readonly Pick<Marginal, 'mean' | 'standardDeviation' | 'density'>[];
}

const COLUMNS = 8;
const POSTERIOR = 'aggregate posterior';
const PRIOR = 'N(0, 1)';

/** What of a curve's height is still worth its place on the axis. */
const VISIBLE = 0.01;
/** Every panel shows the prior this far. */
const PRIOR_REACH = 3.5;
/** Points of a curve: more than a panel has pixels. */
const POINTS = 128;

/** One panel a dimension, headed by its number, mean and standard deviation; each as high as its own curves; as SVG. */
export function marginalDensities({ title, marginals }: MarginalDensities): Promise<string> {
  const curves = marginals.map(({ density: { at, value } }) => {
    const peak = value.reduce((most, v) => Math.max(most, v), 0);
    const every = Math.ceil(at.length / POINTS);
    return Array.from(at, (x, i) => ({ x, density: value[i]! })).filter(
      ({ density }, i) => density > VISIBLE * peak && i % every === 0,
    );
  });
  const reach = curves.flat().reduce((most, { x }) => Math.max(most, Math.abs(x)), PRIOR_REACH);
  const normal = Array.from({ length: POINTS }, (_, i) => {
    const x = PRIOR_REACH * ((2 * i) / (POINTS - 1) - 1);
    return { x, density: Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI) };
  });
  const panels = marginals.map(
    ({ mean, standardDeviation }, d) => `${d}: ${mean.toFixed(2)} ± ${standardDeviation.toFixed(2)}`,
  );
  const values = panels.flatMap((panel, d) => [
    ...curves[d]!.map((point) => ({ panel, curve: POSTERIOR, ...point })),
    ...normal.map((point) => ({ panel, curve: PRIOR, ...point })),
  ]);
  const legend = { title: null, orient: 'bottom', symbolSize: 400, symbolStrokeWidth: 1.8 };
  const domain = [POSTERIOR, PRIOR];
  const spec = {
    title: { text: title, subtitle: 'dimension: mean ± standard deviation', subtitleFontSize: 11 },
    description: `${title}: the density of each of ${marginals.length} latent dimensions beside N(0, 1)`,
    data: { values },
    columns: COLUMNS,
    spacing: { row: 14, column: 14 },
    facet: {
      field: 'panel',
      type: 'ordinal',
      sort: panels,
      header: { title: null, labelFontSize: 9, labelPadding: 3 },
    },
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 116,
      height: 62,
      mark: { type: 'line', strokeWidth: 1.5 },
      encoding: {
        x: {
          field: 'x',
          type: 'quantitative',
          title: null,
          scale: { domain: [-reach, reach], nice: false },
          axis: { tickCount: 3, grid: false, labelFontSize: 9, labelOverlap: true },
        },
        y: { field: 'density', type: 'quantitative', axis: null, scale: { nice: false } },
        color: {
          field: 'curve',
          type: 'nominal',
          scale: { domain, range: [SUBJECT_COLOUR, REFERENCE_COLOUR] },
          legend,
        },
        strokeDash: {
          field: 'curve',
          type: 'nominal',
          scale: {
            domain,
            range: [
              [1, 0],
              [3, 2],
            ],
          },
          legend,
        },
      },
    },
  };
  return renderSvg(spec as TopLevelSpec);
}
