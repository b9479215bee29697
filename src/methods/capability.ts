// What can be asked of a method's inference, whichever it is. Quantities, plans and tables ask for what they need by these
// words and know no way to infer: a further one is a line here.

import type { Inference } from './method.js';

export type Capability =
  /** There is a code z, so there is a q(z | x) to draw from. */
  | 'code'
  /** E_q[z] is known without a draw, as of an encoder; else it is the mean of draws, each of which is dear. */
  | 'mean'
  /** q(z | x) is no point: it has an entropy, and a KL that is finite. */
  | 'distribution'
  /** q(z | x) is a Gaussian whose mean and variance are known. */
  | 'gaussian'
  /** Draws are short runs, whose density given their noise can be asked for. */
  | 'path-density';

/** Of each inference what it can, and how a model is spoken of that has it. */
const INFERENCES: Readonly<Record<Inference, { can: readonly Capability[]; words: string }>> = {
  none: { can: [], words: 'a model without a latent code' },
  point: { can: ['code', 'mean'], words: 'a code that is a point' },
  gaussian: { can: ['code', 'mean', 'distribution', 'gaussian'], words: 'a code from a Gaussian' },
  'short-run': { can: ['code', 'distribution', 'path-density'], words: 'a code from short runs' },
};

/** Every inference that there is. */
export const INFERENCE_NAMES = Object.keys(INFERENCES) as readonly Inference[];

/** All that an inference can be able to. */
export const CAPABILITIES = [...new Set(Object.values(INFERENCES).flatMap((inference) => inference.can))];

/** Whether an inference has all that is needed. */
export function can(inference: Inference, ...needs: readonly Capability[]): boolean {
  return needs.every((capability) => INFERENCES[inference].can.includes(capability));
}

/** Whether log p(x) is known, or there is a q to estimate it with: a point has no proposal of its own. */
export function hasPerplexity(inference: Inference): boolean {
  return !can(inference, 'code') || can(inference, 'distribution');
}

/** A model of such inference, in words. */
export function describeInference(inference: Inference): string {
  return INFERENCES[inference].words;
}

/** The methods that have it, in words. */
export const NEEDING: Readonly<Record<Capability, string>> = {
  code: 'with a code',
  mean: 'that know the mean of a code',
  distribution: 'whose code is no point',
  gaussian: 'with an encoder of a Gaussian',
  'path-density': 'that infer by short runs',
};
