// The keys of a Langevin chain: its steps, how they share gradients, its noise, how its dynamics are searched, and what of
// its path the decoder learns from. They are common to all methods that infer by short runs.

import { z } from 'zod';
import type { Varied } from '../config/method-keys.js';
import { count, notNegative, positive } from '../config/numbers.js';

export const growingTemperature = z
  .strictObject({
    start: notNegative.describe('tau of the first epochs; a number from 0'),
    growFromEpoch: count.describe('last epoch, counted from 1, that uses `start`; a whole number from 1'),
    growPerEpoch: notNegative.describe('what every later epoch adds to tau; a number from 0'),
    max: notNegative.describe('tau is never higher; a number from `start`'),
  })
  .refine(({ start, max }) => max >= start, { path: ['max'], message: 'below `start`; give as much or more' });

const risingPriorWeight = z.strictObject({
  start: z.number().min(0).max(1).describe('weight that training begins with; a number from 0 to 1'),
  warmupEpochs: count.describe('epochs over which the weight rises linearly to 1; a whole number from 1'),
  rises: z
    .enum(['epoch', 'iteration'])
    .describe('whether it rises from one epoch to the next, or with every iteration: epoch or iteration'),
});

const searchedDynamics = z
  .strictObject({
    stepSize: positive.optional().describe('s; a number above 0, that of langevin.stepSize where absent'),
    temperature: notNegative.optional().describe('tau; a number from 0, that of langevin.temperature where absent'),
    steps: count.optional().describe('K; a whole number from 1, that of langevin.steps where absent'),
  })
  .refine((candidate) => Object.keys(candidate).length > 0, {
    message: 'a candidate says stepSize, temperature or steps',
  });

const search = z.strictObject({
  every: z
    .union([z.literal('epoch'), count])
    .describe("T_s, when the step size is searched: 'epoch' for the start of each, or a number of iterations"),
  grid: z
    .array(z.union([positive, searchedDynamics]))
    .min(2)
    .describe(
      'candidates, two or more: step sizes s of eq. 7, numbers above 0, or {stepSize, temperature, steps}, each as langevin has it where absent',
    ),
  sentences: count.describe('sentences of the validation split that candidates are judged on; a whole number from 1'),
  criterion: z
    .enum(['bound', 'perplexity'])
    .default('bound')
    .describe(
      'how: bound (Q~, eq. 12, which prefers steps that hardly move where the model uses its code little), or perplexity (the bound on it by a Gaussian fitted to the ends of `chains` chains a sentence, whatever noise led there)',
    ),
  chains: z
    .int()
    .min(2)
    .default(64)
    .describe('chains a sentence whose ends the criterion perplexity fits a Gaussian to, and draws from it; from 2'),
  foldLimit: z
    .number()
    .min(0)
    .max(1)
    .default(0.25)
    .describe(
      'largest share of chains with a step that may fold, which makes Q~ too large, that a candidate of the criterion bound may have and win; from 0 to 1',
    ),
});

/** The keys of a Langevin chain. */
export const langevin = z
  .strictObject({
    steps: count.describe('K, steps of the chain; a whole number from 1'),
    stepSize: z
      .union([positive, z.array(positive).min(1)])
      .describe('s of eq. 7: a number above 0, or a list with one for each step (a shorter list repeats its last)'),
    gradients: z
      .array(count)
      .min(1)
      .nullable()
      .describe(
        'how many consecutive steps share each gradient and prior term, as [1, 1, 2, 16] for 4 gradients of 20 steps; ' +
          'whole numbers from 1 that add up to langevin.steps, or null for a gradient a step',
      ),
    temperature: z
      .union([notNegative, growingTemperature])
      .describe('tau, the factor of the noise: a number from 0, or {start, growFromEpoch, growPerEpoch, max}'),
    evaluationTemperature: notNegative
      .nullable()
      .describe(
        "tau of the chains that evaluate, validation's too; a number from 0, or null for that of the weights' epoch",
      ),
    priorWeight: z
      .union([notNegative, risingPriorWeight])
      .describe("weight of the prior's term in the drift: a number from 0, or {start, warmupEpochs, rises}"),
    search: search
      .nullable()
      .describe(
        'how the step size is searched (Algorithm 1, step 1): {every, grid, sentences, criterion}, or null for never',
      ),
    dropout: z.boolean().describe('whether the chain sees dropout, one mask for the whole chain: true or false'),
    vocabulary: z
      .strictObject({
        frequent: count.describe('most frequent words, which are always there; a whole number from 1'),
        sampled: count.describe('draws from the other words, which stand for them all; a whole number from 1'),
      })
      .nullable()
      // Runs of before it was a key have none.
      .default(null)
      .describe(
        'words that the softmax inside the chain of training sums over, beside the targets of the batch, or null for all',
      ),
    learnFrom: z
      .union([z.enum(['end', 'path']), z.strictObject({ points: count.describe('n; a whole number from 1') })])
      .describe(
        "codes that the decoder learns from: end (z_K: Algorithm 1), path (the authors' script: the sum over z_0 to " +
          'z_{K-1} and the batch, plus the mean over the batch at z_K), or {points: n} (the mean over z_K and n random ' +
          'points of z_0 to z_{K-1}); the path is seen with the dropout of the chain',
      ),
  })
  .refine(({ steps, stepSize }) => !Array.isArray(stepSize) || stepSize.length <= steps, {
    path: ['stepSize'],
    message: 'the list may not be longer than langevin.steps',
  })
  .refine(({ steps, gradients }) => gradients === null || sum(gradients) === steps, {
    path: ['gradients'],
    error: ({ input }) => {
      const { steps, gradients } = input as { steps: number; gradients: number[] };
      return `the list adds up to ${sum(gradients)} and langevin.steps is ${steps}: change either, or say null`;
    },
  })
  .refine(({ steps, learnFrom }) => typeof learnFrom === 'string' || learnFrom.points <= steps, {
    path: ['learnFrom', 'points'],
    message: 'the path has no more points to learn from than langevin.steps',
  })
  .refine(
    ({ search, learnFrom }) =>
      typeof learnFrom === 'string' ||
      (search?.grid ?? []).every((entry) => typeof entry === 'number' || (entry.steps ?? Infinity) >= learnFrom.points),
    { path: ['search', 'grid'], message: 'a candidate has fewer steps than langevin.learnFrom.points' },
  );

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export type Langevin = z.infer<typeof langevin>;

/**
 * What figures vary of a temperature: the one that the noise is held at in the end.
 * @param keys of which it is one.
 */
export function lastTemperature<Own>(keys: string, of: (run: Own) => Langevin['temperature']): Varied<Own> {
  const isHeld = (run: Own) => typeof of(run) === 'number';
  return {
    key: (run) => `${keys}.temperature${isHeld(run) ? '' : '.max'}`,
    of: (run) => {
      const temperature = of(run);
      return typeof temperature === 'number' ? temperature : temperature.max;
    },
    to: (value, run) => ({ [keys]: { temperature: isHeld(run) ? value : { max: value } } }),
  };
}

export const LANGEVIN_DEFAULTS: Langevin = {
  steps: 20,
  stepSize: 0.1,
  gradients: null,
  temperature: 1,
  evaluationTemperature: null,
  priorWeight: 1,
  search: null,
  dropout: true,
  vocabulary: null,
  learnFrom: 'end',
};
