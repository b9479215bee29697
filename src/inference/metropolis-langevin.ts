// Samples from the true posterior p(z | x). A Langevin step proposes, a Metropolis test accepts or refuses, and so the
// chain's stationary distribution is exact whatever the step size: unlike a short run, whose step size is part of what
// it infers. The step is tuned in a burn-in and then left alone, since a step that keeps adapting is exact no longer.

import type { ConditionalLikelihood } from '../model/likelihood.js';
import { RandomStream } from '../random/philox.js';
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
 * The Metropolis-adjusted Langevin algorithm on p(z | x), which is proportional to p(x | z) N(z; 0, I): M chains of each
 * sentence side by side, one gradient call an iteration. The step of each sentence follows the acceptance of its chains
 * by stochastic approximation (Robbins and Monro) during the burn-in.
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
  const chains = new MetropolisChains(likelihood, start);
  const count = chains.rows / sentences;
  const run: MetropolisRun = {
    z: new Float32Array(steps * start.length),
    gradient: new Float32Array(steps * start.length),
    acceptance: new Float64Array(sentences),
    stepSizes: new Float64Array(sentences).fill(initialStepSize),
  };
  const tuner = new StepTuner(sentences, burnIn, initialStepSize, targetAcceptance);

  const noise = new Float32Array(start.length);
  const uniforms = new Float64Array(chains.rows);
  for (let iteration = 0; iteration < burnIn + steps; iteration++) {
    if (iteration <= burnIn) run.stepSizes = tuner.stepSizes(iteration);
    keys.sentences.forEach((sentence, column) => {
      const stream = new RandomStream({ seed: keys.seed, purpose: 'metropolis', batch: sentence, step: iteration });
      const numbers = stream.normals(count * latentSize);
      for (let chain = 0; chain < count; chain++) {
        const row = chain * sentences + column;
        noise.set(numbers.subarray(chain * latentSize, (chain + 1) * latentSize), row * latentSize);
        uniforms[row] = stream.uniform();
      }
    });
    const accepted = chains.step(1, run.stepSizes, noise, uniforms);
    if (iteration < burnIn) {
      tuner.observe(iteration, accepted);
    } else {
      const at = (iteration - burnIn) * start.length;
      run.z.set(chains.z, at);
      run.gradient.set(chains.gradient, at);
      for (let column = 0; column < sentences; column++) run.acceptance[column]! += accepted[column]! / steps;
    }
  }
  return run;
}

/** What the transition needs of a likelihood. */
export type Differentiable = Pick<ConditionalLikelihood, 'sentences' | 'latentSize' | 'gradient'>;

/**
 * M chains of each sentence, where they are, and the transition that moves them: a Langevin proposal and a Metropolis
 * test (Roberts and Tweedie 1996). It leaves the tempered posterior p_b(z), proportional to N(z; 0, I) p(x | z)^b,
 * invariant: the prior for b = 0, p(z | x) for b = 1. The drift's length is bounded, as in the authors' truncated
 * variant.
 */
export class MetropolisChains {
  /** Chains times sentences. */
  readonly rows: number;
  /** `[rows, latentSize]`, row chain * sentences + sentence. */
  readonly z: Float32Array;
  /** NLL(z), [rows]. */
  readonly nll: Float32Array;
  /** dNLL/dz, `[rows, latentSize]`. */
  readonly gradient: Float32Array;
  private readonly proposal: Float32Array;

  /**
   * @param start `[rows, latentSize]`, finite; not changed.
   * @throws RangeError where the rows are no whole number of chains a sentence.
   */
  constructor(
    private readonly likelihood: Differentiable,
    start: Float32Array,
  ) {
    const { sentences, latentSize } = likelihood;
    this.rows = start.length / latentSize;
    if (!Number.isInteger(this.rows / sentences)) {
      throw new RangeError(`${this.rows} chains do not divide over ${sentences} sentences`);
    }
    this.z = start.slice();
    const first = likelihood.gradient(this.z);
    this.nll = first.nll.slice();
    this.gradient = first.gradient.slice();
    this.proposal = new Float32Array(start.length);
  }

  /**
   * Moves every chain, at the price of one gradient call.
   *
   * @param power b.
   * @param stepSizes s, the noise of the proposal having variance 2 s; [sentences].
   * @param noise N(0, 1), `[rows, latentSize]`.
   * @param uniforms from (0, 1), [rows]; a proposal is accepted where its probability is above.
   * @returns the mean probability of acceptance; [sentences].
   */
  step(power: number, stepSizes: Float64Array, noise: Float32Array, uniforms: Float64Array): Float64Array {
    const { z, nll, gradient, proposal, rows } = this;
    const { sentences, latentSize } = this.likelihood;
    for (let row = 0; row < rows; row++) {
      const step = stepSizes[row % sentences]!;
      const drift = driftFactor(z, gradient, row, latentSize, step, power);
      const spread = Math.sqrt(2 * step);
      for (let i = row * latentSize; i < (row + 1) * latentSize; i++) {
        proposal[i] = z[i]! - drift * (z[i]! + power * gradient[i]!) + spread * noise[i]!;
      }
    }

    const proposed = this.likelihood.gradient(proposal);
    const accepted = new Float64Array(sentences);
    for (let row = 0; row < rows; row++) {
      const column = row % sentences;
      const step = stepSizes[column]!;
      const logRatio =
        logJoint(proposed.nll[row]!, proposal, row, latentSize, power) -
        logJoint(nll[row]!, z, row, latentSize, power) +
        logKernel(z, proposal, proposed.gradient, row, latentSize, step, power) -
        logKernel(proposal, z, gradient, row, latentSize, step, power);
      // Where the proposal has no finite density the ratio is -Infinity or not a number, and the proposal is refused.
      const probability = Number.isNaN(logRatio) ? 0 : Math.min(1, Math.exp(logRatio));
      accepted[column]! += probability / (rows / sentences);
      if (uniforms[row]! < probability) {
        const at = row * latentSize;
        z.set(proposal.subarray(at, at + latentSize), at);
        gradient.set(proposed.gradient.subarray(at, at + latentSize), at);
        nll[row] = proposed.nll[row]!;
      }
    }
    return accepted;
  }
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

/** log of N(z; 0, I) p(x | z)^power of one row; -Infinity where z or its likelihood is not finite. */
function logJoint(nll: number, z: Float32Array, row: number, size: number, power: number): number {
  const value = logStandardNormal(z, row * size, size) - power * nll;
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
  power: number,
): number {
  const drift = driftFactor(from, gradient, row, size, step, power);
  let squared = 0;
  for (let i = row * size; i < (row + 1) * size; i++) {
    const difference = to[i]! - from[i]! + drift * (from[i]! + power * gradient[i]!);
    squared += difference * difference;
  }
  return -squared / (4 * step);
}

/**
 * What a proposal multiplies the slope of -log p_b with: the step, but no more than moves z as far as the noise does.
 * Where a chain starts on a steep slope the whole step would overshoot, be refused, and leave it there for good.
 */
function driftFactor(
  z: Float32Array,
  gradient: Float32Array,
  row: number,
  size: number,
  step: number,
  power: number,
): number {
  let squared = 0;
  for (let i = row * size; i < (row + 1) * size; i++) squared += (z[i]! + power * gradient[i]!) ** 2;
  return Math.min(step, Math.sqrt((2 * step * size) / squared));
}
