// The figures that are no table's: the paper's Figure 1, and the curves of training, each as files beside the tables.

import type { MeasuredRun } from '../runs/measured-run.js';
import { posteriorFiles } from '../runs/posterior-files.js';
import type { Product } from './product.js';
import { curveFigures } from './report-page.js';
import { LOOKED_AT } from './tables.js';

export interface FigureDefinition extends Product {
  /** The paper's number; null where it has no such figure. */
  readonly number: number | null;
  /** By file name; none where there is nothing to draw. */
  files(runs: readonly MeasuredRun[]): Promise<[name: string, content: string][]>;
}

export const FIGURES: readonly FigureDefinition[] = [
  { number: null, title: 'the curves of training', needs: [], files: curveFigures },
  {
    number: 1,
    title: 'Figure 1',
    needs: [{ measuring: 'posterior' }],
    usual: LOOKED_AT,
    files: async (runs) => runs.flatMap(posteriorFiles),
  },
];

/** The paper's figures of these numbers. */
export function figuresOf(numbers: readonly number[]): FigureDefinition[] {
  return FIGURES.filter(({ number }) => number !== null && numbers.includes(number));
}
