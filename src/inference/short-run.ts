// Short-run inference: K Langevin steps from the prior, towards the posterior of each sentence. The model may have a
// faster way than a gradient call a step; the loop here is what that way must agree with.

import type { ConditionalLikelihood, LangevinSchedule, ShortRunResult } from '../model/likelihood.js';

/**
 * z_{k+1} = z_k - s_k (priorWeight z_k + dNLL(z_k)/dz) + temperature sqrt(2 s_k) eps_k for k = 0..K-1, eq. 7 of Pang,
 * Nijkamp, Han and Wu (EACL 2021) with a temperature.
 *
 * @param z0 `[draws * sentences, latentSize]`; not changed.
 * @param noise eps, `[K, draws * sentences, latentSize]`.
 * @param keepPath whether z_0 .. z_K are returned as well.
 * @throws RangeError where the sizes do not fit together.
 */
export function shortRun(
  likelihood: ConditionalLikelihood,
  z0: Float32Array,
  noise: Float32Array,
  schedule: LangevinSchedule,
  keepPath = false,
): ShortRunResult {
  checkSizes(likelihood, z0, noise, schedule);
  return likelihood.shortRun
    ? likelihood.shortRun(z0, noise, schedule, keepPath)
    : plainShortRun(likelihood, z0, noise, schedule, keepPath);
}

/** `shortRun` by one gradient call a step, whatever faster way the likelihood may have. */
export function plainShortRun(
  likelihood: ConditionalLikelihood,
  z0: Float32Array,
  noise: Float32Array,
  { stepSizes, temperature, priorWeight }: LangevinSchedule,
  keepPath = false,
): ShortRunResult {
  const size = z0.length;
  const path = keepPath ? new Float32Array((stepSizes.length + 1) * size) : undefined;
  let z = z0.slice();
  path?.set(z);
  for (let k = 0; k < stepSizes.length; k++) {
    const step = stepSizes[k]!;
    const spread = temperature * Math.sqrt(2 * step);
    const { gradient } = likelihood.gradient(z);
    const next = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      next[i] = z[i]! - step * (priorWeight * z[i]! + gradient[i]!) + spread * noise[k * size + i]!;
    }
    z = next;
    path?.set(z, (k + 1) * size);
  }
  return path ? { z, path } : { z };
}

function checkSizes(
  { sentences, latentSize }: ConditionalLikelihood,
  z0: Float32Array,
  noise: Float32Array,
  { stepSizes }: LangevinSchedule,
): void {
  if (z0.length === 0 || z0.length % (sentences * latentSize) !== 0) {
    throw new RangeError(
      `z0 has ${z0.length} numbers, not a whole number of draws of ${sentences} sentences x ${latentSize}`,
    );
  }
  if (noise.length !== stepSizes.length * z0.length) {
    throw new RangeError(`${stepSizes.length} steps of ${z0.length} numbers need their noise, not ${noise.length}`);
  }
}
