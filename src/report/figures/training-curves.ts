// How each run's validation loss fell, epoch by epoch.

import { lineFigure } from './lines.js';

export interface TrainingCurve {
  label: string;
  /** Nats a word; null where it was not finite. */
  epochs: readonly { epoch: number; validationLoss: number | null }[];
}

/**
 * A curve for each run, as SVG.
 * @param labels every label of the report; see `LineFigure`.
 */
export function trainingCurves(curves: readonly TrainingCurve[], labels?: readonly string[]): Promise<string> {
  return lineFigure({
    title: 'Validation loss',
    xTitle: 'epoch',
    yTitle: 'nats a word',
    series: curves.map(({ label, epochs }) => ({
      label,
      points: epochs.map(({ epoch, validationLoss }) => ({ x: epoch, y: validationLoss })),
    })),
    labels,
    zero: false,
  });
}
