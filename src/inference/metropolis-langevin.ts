// Samples from the true posterior p(z | x). A Langevin step proposes, a Metropolis test accepts or refuses, and so the
// chain's stationary distribution is exact whatever the step size: unlike a short run, whose step size is part of what
// it infers. The step is tuned in a burn-in and then left alone, since a step that keeps adapting is exact no longer.

import { RandomStream } from '../random/philox.js';
import type { ConditionalLikelihood } from './likelihood.js';
import { logStandardNormal } from './path-density.js';
import type { SentenceKeys } from './sentence-noise.js';

export interface MetropolisOptions {
  /** Iterations that tune each sentence's step and are not returned. */
  burnIn: number;
  /** Iterations that are returned. */
  steps: number;
  /** The share of proposals to accept. */
  targetAcceptance?: number;
  /** Step size s of the first iteration, as in the Langevin dynamics: its noise has variance 2 s. */
  initialStepSize?: number;
}

export interface MetropolisRun {
  /** Where the chains were after each returned iteration, `[steps, chains * sentences, latentSize]`. */
  z: Float32Array;
  /** dNLL/dz there, the same shape. */
  gradient: Float32Array;
  /** Mean probability of acceptance after the burn-in; [sentences]. */
  acceptance: Float64Array;
  /** s of each sentence after the burn-in; [sentences]. */
  stepSizes: Float64Array;
}

/**
 * The Metropolis-adjusted Langevin algorithm (Roberts and Tweedie 1996) on p(z | x), which is proportional to
 * p(x | z) N(z; 0, I): M chains of each sentence side by side, one gradient call an iteration. The step of each
 * sentence follows the acceptance of its chains by stochastic approximation (Robbins and Monro) during the burn-in. The
 * drift's length is bounded, as in the authors' truncated variant.
 *
 * @param start `[chains * sentences, latentSize]`, row chain * sentences + sentence, finite; not changed.
 */
export function metropolisLangevin(
  likelihood: ConditionalLikelihood,
  start: Float32Array,
  { burnIn, steps, targetAcceptance = 0.6, initialStepSize = 0.05 }: MetropolisOptions,
  keys: SentenceKeys,
): MetropolisRun {
  const { sentences, latentSize } = likelihood;
  const rows = start.length / latentSize;
  const chains = rows / sentences;
  if (!Number.isInteger(chains)) throw new RangeError(`${rows} chains do not divide over ${sentences} sentences`);

  const z = start.slice();
  const first = likelihood.gradient(z);
  const gradient = first.gradient.slice();
  const logPosterior = Float64Array.from(first.nll, (nll, row) => logJoint(nll, z, row, latentSize));
  const run: MetropolisRun = {
    z: new Float32Array(steps * start.length),
    gradient: new Float32Array(steps * start.length),
    acceptance: new Float64Array(sentences),
    stepSizes: new Float64Array(sentences).fill(initialStepSize),
  };
  const tuner = new StepTuner(sentences, burnIn, initialStepSize, targetAcceptance);

  const proposal = new Float32Array(start.length);
  const uniforms = new Float64Array(rows);
  for (let iteration = 0; iteration < burnIn + steps; iteration++) {
    if (iteration <= burnIn) run.stepSizes = tuner.stepSizes(iteration);
    keys.sentences.forEach((sentence, column) => {
      const stream = new RandomStream({ seed: keys.seed, purpose: 'metropolis', batch: sentence, step: iteration });
      const noise = stream.normals(chains * latentSize);
      const step = run.stepSizes[column]!;
      const spread = Math.sqrt(2 * step);
      for (let chain = 0; chain < chains; chain++) {
        const row = chain * sentences + column;
        const drift = driftFactor(z, gradient, row, latentSize, step);
        uniforms[row] = stream.uniform();
        for (let d = 0; d < latentSize; d++) {
          const i = row * latentSize + d;
          proposal[i] = z[i]! - drift * (z[i]! + gradient[i]!) + spread * noise[chain * latentSize + d]!;
        }
      }
    });

    const proposed = likelihood.gradient(proposal);
    const accepted = new Float64Array(sentences);
    for (let row = 0; row < rows; row++) {
      const column = row % sentences;
      const step = run.stepSizes[column]!;
      const logProposed = logJoint(proposed.nll[row]!, proposal, row, latentSize);
      const logRatio =
        logProposed -
        logPosterior[row]! +
        logKernel(z, proposal, proposed.gradient, row, latentSize, step) -
        logKernel(proposal, z, gradient, row, latentSize, step);
      // Where the proposal has no finite density the ratio is -Infinity or not a number, and the proposal is refused.
      const probability = Number.isNaN(logRatio) ? 0 : Math.min(1, Math.exp(logRatio));
      accepted[column]! += probability / chains;
      if (uniforms[row]! < probability) {
        const at = row * latentSize;
        z.set(proposal.subarray(at, at + latentSize), at);
        gradient.set(proposed.gradient.subarray(at, at + latentSize), at);
        logPosterior[row] = logProposed;
      }
    }
    if (iteration < burnIn) {
      tuner.observe(iteration, accepted);
    } else {
      const at = (iteration - burnIn) * start.length;
      run.z.set(z, at);
      run.gradient.set(gradient, at);
      for (let column = 0; column < sentences; column++) run.acceptance[column]! += accepted[column]! / steps;
    }
  }
  return run;
}

/** Finds, sentence by sentence, the step size whose proposals are accepted as often as wanted. */
class StepTuner {
  private readonly logStep: Float64Array;
  private readonly lateSum: Float64Array;
  private readonly lateFrom: number;

  constructor(
    sentences: number,
    private readonly burnIn: number,
    initialStepSize: number,
    private readonly target: number,
  ) {
    this.logStep = new Float64Array(sentences).fill(Math.log(initialStepSize));
    this.lateSum = new Float64Array(sentences);
    this.lateFrom = Math.floor(burnIn / 2);
  }

  /** For an iteration of the burn-in the current guess; after it the mean of the guesses of its second half. */
  stepSizes(iteration: number): Float64Array {
    if (iteration < this.burnIn || this.burnIn === 0) return this.logStep.map(Math.exp);
    return this.lateSum.map((sum) => Math.exp(sum / (this.burnIn - this.lateFrom)));
  }

  observe(iteration: number, acceptance: Float64Array): void {
    // Large first corrections cross orders of magnitude in a few iterations, smaller ones later settle.
    const gain = 2 / Math.sqrt(iteration + 1);
    for (let column = 0; column < acceptance.length; column++) {
      this.logStep[column]! += gain * (acceptance[column]! - this.target);
      if (iteration >= this.lateFrom) this.lateSum[column]! += this.logStep[column]!;
    }
  }
}

/** log p(x, z) of one row; -Infinity where z or its likelihood is not finite. */
function logJoint(nll: number, z: Float32Array, row: number, size: number): number {
  const value = logStandardNormal(z, row * size, size) - nll;
  return Number.isFinite(value) ? value : Number.NEGATIVE_INFINITY;
}

/** log density, but for its constant, of proposing `to` from `from`, where the gradient is that at `from`. */
function logKernel(
  to: Float32Array,
  from: Float32Array,
  gradient: Float32Array,
  row: number,
  size: number,
  step: number,
): number {
  const drift = driftFactor(from, gradient, row, size, step);
  let squared = 0;
  for (let i = row * size; i < (row + 1) * size; i++) {
    const difference = to[i]! - from[i]! + drift * (from[i]! + gradient[i]!);
    squared += difference * difference;
  }
  return -squared / (4 * step);
}

/**
 * What a proposal multiplies the gradient of -log p(z | x) with: the step, but no more than moves z as far as the noise
 * does. Where a chain starts on a steep slope the whole step would overshoot, be refused, and leave it there for good.
 */
function driftFactor(z: Float32Array, gradient: Float32Array, row: number, size: number, step: number): number {
  let squared = 0;
  for (let i = row * size; i < (row + 1) * size; i++) squared += (z[i]! + gradient[i]!) ** 2;
  return Math.min(step, Math.sqrt((2 * step * size) / squared));
}
