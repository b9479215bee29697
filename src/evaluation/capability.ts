// What a quantity can ask of inference, beyond draws of a code: which of these a method has follows from how it infers.

import type { Inference } from '../methods/method.js';

export type Capability =
  /** q(z | x) is no point: it has an entropy, and a KL that is finite. */
  | 'distribution'
  /** q(z | x) is a Gaussian whose mean and variance are known. */
  | 'gaussian'
  /** Draws are short runs, whose density given their noise can be asked for. */
  | 'path-density';

const CAPABILITIES: Readonly<Record<Exclude<Inference, 'none'>, readonly Capability[]>> = {
  point: [],
  gaussian: ['distribution', 'gaussian'],
  'short-run': ['distribution', 'path-density'],
};

/** Whether a method with a latent code has all that is needed. */
export function isCapable(inference: Exclude<Inference, 'none'>, needs: readonly Capability[]): boolean {
  return needs.every((capability) => CAPABILITIES[inference].includes(capability));
}

/** The methods that have it, in words. */
export const NEEDING: Readonly<Record<Capability, string>> = {
  distribution: 'whose code is no point',
  gaussian: 'with an encoder of a Gaussian',
  'path-density': 'that infer by short runs',
};
