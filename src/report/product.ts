// What a plan can be asked for - a table, a figure - as far as a plan knows it: what it needs of which runs. How it is made of
// what was measured is its definition's to say.

import type { VariedQuantity } from '../config/variations.js';
import { requireParts } from '../definition-parts.js';
import type { Inference } from '../methods/method.js';

/** What can be made of a trained run, in the order in which a plan makes it. */
export const MEASURINGS = [
  'metrics',
  'ais',
  'interpolations',
  'generations',
  'noisy-recon',
  'classification',
  'posterior',
] as const;
export type Measuring = (typeof MEASURINGS)[number];

/** Something that is needed of a run. */
export type Need =
  /** Rows of these metrics, of those that the run's method has; what they cost, their definitions know. */
  { measuring: 'metrics'; metrics: readonly string[] } | { measuring: Exclude<Measuring, 'metrics'> };

/** A number of runs, and the values that a study gives it. */
export interface Varying {
  quantity: VariedQuantity;
  values: readonly number[];
}

export interface Product {
  /** As a sentence speaks of it: `Table 1`. */
  readonly title: string;
  /** What it needs of each of its runs; nothing where no plan makes it. */
  readonly needs: readonly Need[];
  /** Whether a method of this inference has a part in it; where absent, one that has all that is needed. */
  takes?(inference: Inference): boolean;
  /** The runs that it shows unless others are named, as far as a config has them; each method of the config where absent. */
  readonly usual?: readonly string[];
  /** Whether it is of sentences that have a class. */
  readonly needsLabels?: boolean;
  /** What it varies of a run: of these numbers the first that the run's method has. The run alone is its own where absent, or none. */
  varies?(inference: Inference): readonly Varying[];
}

/** The parts of a product that need not be said, for {@link requireParts}. */
export const PRODUCT_PARTS = {
  title: 'string',
  takes: 'function',
  usual: 'texts',
  needsLabels: 'boolean',
  varies: 'function',
} as const;

/** @throws {TypeError} for what is no need. @param maker as `defineTable`. */
export function checkNeeds(maker: string, needs: readonly Need[]): void {
  for (const need of needs) {
    requireParts(`${maker}: needs`, need, { measuring: MEASURINGS });
    if (need.measuring === 'metrics') requireParts(`${maker}: needs`, need, { metrics: 'texts' });
  }
}
