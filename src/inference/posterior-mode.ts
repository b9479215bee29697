// The mode of p(z | x): the one code that fits a sentence and the prior best, found by a few gradient steps without noise. It
// costs a single chain's gradients, and is the same whoever asks.

import type { ConditionalLikelihood } from '../model/likelihood.js';
import { jointLikelihood } from './tilted-prior.js';

export interface PosteriorMode {
  /** Where the steps ended, `[sentences, latentSize]`. */
  z: Float32Array;
  /** The length of d log p(x, z) / dz there, nats: zero at a mode, NaN where no gradient was finite; [sentences]. */
  slope: Float64Array;
}

/**
 * Gradient descent on U(z) = -log p(x, z) from the prior's centre, z = 0. The first step has at most the length of one; each
 * later one is as long as U's curvature along the last says, <dz, dg> / <dg, dg> (Barzilai and Borwein 1988). A step that
 * would not descend is tried again at a quarter. Each sentence takes its own steps, so that it makes no difference which
 * others are beside it.
 *
 * @param gradients of U that are taken, of all sentences at once; 2 or more, as the first is that at the prior's centre.
 * @returns the prior's centre, with no slope (NaN), for a sentence whose U is not finite there.
 */
export function posteriorMode(likelihood: ConditionalLikelihood, gradients: number): PosteriorMode {
  const joint = jointLikelihood(likelihood);
  const { sentences, latentSize } = joint;
  const descents = Array.from({ length: sentences }, () => new Descent(latentSize));
  const proposals = new Float32Array(sentences * latentSize);
  for (let taken = 0; taken < gradients; taken++) {
    const { nll, gradient } = joint.gradient(proposals);
    descents.forEach((descent, sentence) => {
      const own = [sentence * latentSize, (sentence + 1) * latentSize] as const;
      descent.observe(proposals.subarray(...own), nll[sentence]!, gradient.subarray(...own));
      proposals.set(descent.proposal(), own[0]);
    });
  }
  const z = new Float32Array(proposals.length);
  descents.forEach((descent, sentence) => {
    z.set(descent.z, sentence * latentSize);
  });
  return { z, slope: Float64Array.from(descents, ({ slope }) => slope) };
}

/** A share of U that single precision cannot tell: an ascent of less is none. */
const ROUNDING = 1e-6;

/** One sentence's way down. */
class Descent {
  z: Float32Array;
  private energy = Number.POSITIVE_INFINITY;
  private gradient: Float64Array;
  private step = 0;

  constructor(latentSize: number) {
    this.z = new Float32Array(latentSize);
    this.gradient = new Float64Array(latentSize);
  }

  get slope(): number {
    return this.energy === Number.POSITIVE_INFINITY ? Number.NaN : Math.hypot(...this.gradient);
  }

  /** Takes in NLL(z) and its gradient at a place that was proposed. */
  observe(z: Float32Array, nll: number, ofNll: Float32Array): void {
    const energy = nll + z.reduce((sum, value) => sum + value * value, 0) / 2;
    const gradient = Float64Array.from(ofNll, (value, d) => value + z[d]!);
    const slope = Math.hypot(...gradient);
    if (!(energy <= this.energy + ROUNDING * Math.abs(energy)) || !Number.isFinite(slope)) {
      this.step /= 4;
      return;
    }
    let [along, squares] = [0, 0];
    gradient.forEach((value, d) => {
      const change = value - this.gradient[d]!;
      along += (z[d]! - this.z[d]!) * change;
      squares += change * change;
    });
    const first = this.energy === Number.POSITIVE_INFINITY;
    // Where U bends down, or not at all, a longer step is worth a try.
    this.step = first ? 1 / (1 + slope) : along > 0 ? along / squares : 2 * this.step;
    [this.z, this.energy, this.gradient] = [z.slice(), energy, gradient];
  }

  proposal(): Float32Array {
    return this.z.map((value, d) => value - this.step * this.gradient[d]!);
  }
}
