// q(z | x) as the ends of short runs: samples of a density that has no formula but along a path whose noise is known. What a
// run is, is the chain's to say.

import type { ConditionalLikelihood, LangevinSchedule, ShortRunResult } from '../model/likelihood.js';
import { joined } from '../typed-arrays.js';
import { type PathDensity, pathLogDensity } from './path-density.js';
import { meanCode, nllInPieces, type Posterior } from './posterior.js';
import { drawNormals, type SentenceKeys } from './sentence-noise.js';
import { shortRun } from './short-run.js';

/** Rows that run side by side; bounds the memory of the noise and of what the model keeps of a step. */
const ROWS_AT_ONCE = 512;

/** A short run of a batch's codes: what it does to a draw of the prior, and how likely it was to end where it did. */
export interface Chain {
  /** Steps, each with noise of its own. */
  readonly steps: number;
  /**
   * @param start draws of N(0, I), `[draws * sentences, latentSize]`; not changed.
   * @param noise of every step, `[steps, draws * sentences, latentSize]`.
   * @returns z, where the runs end, the same shape as their start, and the path as `density` wants it where it is to be kept.
   */
  run(start: Float32Array, noise: Float32Array, keepPath: boolean): ShortRunResult;
  /** log q(z | eps) of the runs that took a path. */
  density(path: Float32Array): PathDensity;
}

/** The short runs of one batch; those that were asked for once are kept for whoever asks next. */
export class ChainPosterior implements Posterior {
  readonly name = 'short-run';
  readonly knowsMean = false;
  readonly gaussian = null;
  private readonly rowSize: number;
  private ends: Float32Array;
  private paths: Float32Array[] = [];
  private likelihoods: Float32Array;
  private densities: PathDensity = { logDensity: new Float64Array(0), stepsNotPositiveDefinite: new Int32Array(0) };
  private readonly drawsAtOnce: number;

  /**
   * @param likelihood of the batch's sentences, of which NLL(z) is told.
   * @param pathDraws the first so many chains of each sentence can have their density asked for.
   */
  constructor(
    private readonly likelihood: ConditionalLikelihood,
    private readonly chain: Chain,
    readonly keys: SentenceKeys,
    private readonly pathDraws = 0,
  ) {
    this.rowSize = likelihood.sentences * likelihood.latentSize;
    this.ends = new Float32Array(0);
    this.likelihoods = new Float32Array(0);
    this.drawsAtOnce = Math.max(1, Math.floor(ROWS_AT_ONCE / likelihood.sentences));
  }

  z(draws: number): Float32Array {
    let have = this.ends.length / this.rowSize;
    while (have < draws) {
      const keepPath = have < this.pathDraws;
      const to = Math.min(draws, have + this.drawsAtOnce, keepPath ? this.pathDraws : Number.POSITIVE_INFINITY);
      const range = { from: have, to, size: this.likelihood.latentSize };
      const starts = drawNormals(this.keys, 'evaluation-start', range);
      const noise = drawNormals(this.keys, 'evaluation-noise', { ...range, steps: this.chain.steps });
      const run = this.chain.run(starts, noise, keepPath);
      this.ends = joined(Float32Array, [this.ends, run.z]);
      if (run.path) this.paths.push(run.path);
      have = to;
    }
    return this.ends.subarray(0, draws * this.rowSize);
  }

  nll(draws: number): Float32Array {
    const { sentences } = this.likelihood;
    const have = this.likelihoods.length / sentences;
    if (have < draws) {
      const z = this.z(draws).subarray(have * this.rowSize);
      this.likelihoods = joined(Float32Array, [this.likelihoods, nllInPieces(this.likelihood, z)]);
    }
    return this.likelihoods.subarray(0, draws * sentences);
  }

  mean(draws: number): Float32Array {
    return meanCode(this.z(draws), draws);
  }

  density(draws: number): PathDensity {
    if (draws > this.pathDraws) throw new RangeError(`${this.pathDraws} chains keep their paths, not ${draws}`);
    this.z(draws);
    for (const path of this.paths.splice(0)) {
      const next = this.chain.density(path);
      this.densities = {
        logDensity: joined(Float64Array, [this.densities.logDensity, next.logDensity]),
        stepsNotPositiveDefinite: joined(Int32Array, [
          this.densities.stepsNotPositiveDefinite,
          next.stepsNotPositiveDefinite,
        ]),
      };
    }
    const rows = draws * this.likelihood.sentences;
    return {
      logDensity: this.densities.logDensity.subarray(0, rows),
      stepsNotPositiveDefinite: this.densities.stepsNotPositiveDefinite.subarray(0, rows),
    };
  }
}

/** Short runs of the dynamics of a schedule. */
export class ShortRunPosterior extends ChainPosterior {
  constructor(likelihood: ConditionalLikelihood, schedule: LangevinSchedule, keys: SentenceKeys, pathDraws = 0) {
    super(likelihood, langevinChain(likelihood, schedule), keys, pathDraws);
  }
}

/** The chain of eq. 7 of Pang et al. 2021, towards p(z | x) as a likelihood has it. */
export function langevinChain(likelihood: ConditionalLikelihood, schedule: LangevinSchedule): Chain {
  return {
    steps: schedule.stepSizes.length,
    run: (start, noise, keepPath) => shortRun(likelihood, start, noise, schedule, keepPath),
    density: (path) => pathLogDensity(likelihood, path, schedule),
  };
}
