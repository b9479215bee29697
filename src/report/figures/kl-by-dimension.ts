// Which dimensions of the code say something. A dimension's number means nothing, so each run's come from the largest KL
// down, and runs are compared by how soon their curve reaches the ground.

import { lineFigure } from './lines.js';

export interface DimensionKl {
  label: string;
  /** KL of each latent dimension, nats a sentence, in any order; null where it is not finite. */
  nats: readonly (number | null)[];
}

/**
 * A curve for each run, as SVG.
 * @param labels every label of the report; see `LineFigure`.
 */
export function klByDimension(runs: readonly DimensionKl[], labels?: readonly string[]): Promise<string> {
  return lineFigure({
    title: 'KL by latent dimension',
    xTitle: 'dimensions, from the largest KL down',
    yTitle: 'KL, nats a sentence',
    series: runs.map(({ label, nats }) => ({
      label,
      points: nats
        .filter((value) => value !== null)
        .sort((a, b) => b - a)
        .map((y, rank) => ({ x: rank + 1, y })),
    })),
    labels,
    zero: true,
  });
}
