// Footnote 2 of the paper: what the number of Langevin steps does to the quantities of Table 1.

import type { TopLevelSpec } from 'vega-lite';
import { renderSvg, SUBJECT_COLOUR } from './render.js';

/** A measured quantity; no value where it is not finite, no error where none is known. */
export interface PlottedQuantity {
  value: number | null;
  standardError: number | null;
}

export interface StepsPoint {
  /** K. */
  steps: number;
  /** Null where it was not measured. */
  ppl: PlottedQuantity | null;
  recon: PlottedQuantity | null;
  kl: PlottedQuantity | null;
}

const PANELS = [
  ['ppl', 'PPL'],
  ['recon', 'Recon, nats a sentence'],
  ['kl', 'KL, nats a sentence'],
] as const;

/** A panel for each of PPL, Recon and KL over K; whiskers are a standard error to each side; as SVG. */
export function stepsAblation(points: readonly StepsPoint[]): Promise<string> {
  const steps = points.map((point) => point.steps).sort((a, b) => a - b);
  const spec = {
    title: 'Number of Langevin steps',
    description: 'PPL, reconstruction and KL over the number of Langevin steps',
    spacing: 28,
    hconcat: PANELS.map(([metric, title]) => ({
      width: 190,
      height: 180,
      data: { values: points.flatMap((point) => values(point.steps, point[metric])) },
      encoding: {
        x: {
          field: 'steps',
          type: 'quantitative',
          title: 'K',
          // One step more is a smaller matter at 40 than at 10.
          scale: { type: 'log', nice: false, padding: 14 },
          axis: { values: steps, grid: false },
        },
        color: { value: SUBJECT_COLOUR },
      },
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 1.2 },
          encoding: {
            y: { field: 'low', type: 'quantitative', title, scale: { zero: false, padding: 8 } },
            y2: { field: 'high' },
          },
        },
        {
          mark: { type: 'line', strokeWidth: 1.8, point: { size: 36 } },
          encoding: { y: { field: 'value', type: 'quantitative', title } },
        },
      ],
    })),
  };
  return renderSvg(spec as TopLevelSpec);
}

function values(steps: number, measured: PlottedQuantity | null) {
  if (measured?.value == null) return [];
  const { value, standardError } = measured;
  return [{ steps, value, low: value - (standardError ?? 0), high: value + (standardError ?? 0) }];
}
