// Where in a sentence the code helps: a code that only tells how a sentence begins gains at the first words alone.

import { lineFigure } from './lines.js';

export interface PositionGain {
  label: string;
  /** What knowing the inferred code gains at each position, nats, over the sentences that are so long. */
  nats: readonly (number | null)[];
}

/**
 * A curve for each run, as SVG.
 * @param labels every label of the report; see `LineFigure`.
 */
export function gainByPosition(runs: readonly PositionGain[], labels?: readonly string[]): Promise<string> {
  return lineFigure({
    title: 'What the code gains, by position',
    xTitle: 'position in the sentence',
    yTitle: 'gain, nats a word',
    series: runs.map(({ label, nats }) => ({ label, points: nats.map((y, at) => ({ x: at + 1, y })) })),
    labels,
    zero: true,
  });
}
