// Where an axis ends. A run that diverged would press all others flat: what lies far above is left out of the picture.

import type { ChartSeries } from './page-numbers.js';

/** The share of the points that an axis shows at least. */
const SHOWN = 0.9;
/** How far above those it goes on, in multiples of the height that they take. */
const REACH = 3;

/**
 * The greatest value that an axis goes up to, or undefined where it shows all: the points but for the tenth that is
 * greatest, and what of that tenth is no more than three times their height above them.
 */
export function axisTop(series: readonly Pick<ChartSeries, 'y' | 'high'>[]): number | undefined {
  const values = series.flatMap(({ y, high = y }) => high).sort((a, b) => a - b);
  const last = values[Math.ceil(SHOWN * values.length) - 1];
  if (last === undefined) return undefined;
  const farthest = last + REACH * (last - values[0]!);
  return values.at(-1)! <= farthest ? undefined : values.findLast((value) => value <= farthest);
}
