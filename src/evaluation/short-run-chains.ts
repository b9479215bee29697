// The short runs of one batch, shared by the quantities that are measured on it. Chain m of a sentence is the same
// whoever asks and however many are asked for: reconstruction may use sixteen chains and the KL the first two of them.

import type { ConditionalLikelihood, LangevinSchedule } from '../inference/likelihood.js';
import { type PathDensity, pathLogDensity } from '../inference/path-density.js';
import { drawNormals, type SentenceKeys } from '../inference/sentence-noise.js';
import { shortRun } from '../inference/short-run.js';

/** Rows that run side by side; bounds the memory of the noise and of what the model keeps of a step. */
const ROWS_AT_ONCE = 512;

export class ShortRunChains {
  private readonly rowSize: number;
  private ends: Float32Array;
  private paths: Float32Array[] = [];
  private likelihoods: Float32Array;
  private densities: PathDensity = { logDensity: new Float64Array(0), stepsNotPositiveDefinite: new Int32Array(0) };
  private readonly drawsAtOnce: number;

  /** @param pathDraws the first so many chains of each sentence can have their density asked for. */
  constructor(
    private readonly likelihood: ConditionalLikelihood,
    private readonly schedule: LangevinSchedule,
    readonly keys: SentenceKeys,
    private readonly pathDraws = 0,
  ) {
    this.rowSize = likelihood.sentences * likelihood.latentSize;
    this.ends = new Float32Array(0);
    this.likelihoods = new Float32Array(0);
    this.drawsAtOnce = Math.max(1, Math.floor(ROWS_AT_ONCE / likelihood.sentences));
  }

  /** z_0 of chains `from` .. `to` - 1, `[to - from, sentences, latentSize]`. */
  starts(from: number, to: number): Float32Array {
    return drawNormals(this.keys, 'evaluation-start', { from, to, size: this.likelihood.latentSize });
  }

  /** z_K of the first `draws` chains, `[draws, sentences, latentSize]`. */
  z(draws: number): Float32Array {
    let have = this.ends.length / this.rowSize;
    while (have < draws) {
      const keepPath = have < this.pathDraws;
      const to = Math.min(draws, have + this.drawsAtOnce, keepPath ? this.pathDraws : Number.POSITIVE_INFINITY);
      const noise = drawNormals(this.keys, 'evaluation-noise', {
        from: have,
        to,
        steps: this.schedule.stepSizes.length,
        size: this.likelihood.latentSize,
      });
      const run = shortRun(this.likelihood, this.starts(have, to), noise, this.schedule, keepPath);
      this.ends = joined(Float32Array, this.ends, run.z);
      if (run.path) this.paths.push(run.path);
      have = to;
    }
    return this.ends.subarray(0, draws * this.rowSize);
  }

  /** NLL(z_K) of the first `draws` chains, `[draws * sentences]`. */
  nll(draws: number): Float32Array {
    const { sentences } = this.likelihood;
    const have = this.likelihoods.length / sentences;
    if (have < draws) {
      const z = this.z(draws).subarray(have * this.rowSize);
      this.likelihoods = joined(Float32Array, this.likelihoods, nllInPieces(this.likelihood, z));
    }
    return this.likelihoods.subarray(0, draws * sentences);
  }

  /** log q(z_K | eps) of the first `draws` chains; throws RangeError for more chains than keep their paths. */
  density(draws: number): PathDensity {
    if (draws > this.pathDraws) throw new RangeError(`${this.pathDraws} chains keep their paths, not ${draws}`);
    this.z(draws);
    for (const path of this.paths.splice(0)) {
      const next = pathLogDensity(this.likelihood, path, this.schedule);
      this.densities = {
        logDensity: joined(Float64Array, this.densities.logDensity, next.logDensity),
        stepsNotPositiveDefinite: joined(
          Int32Array,
          this.densities.stepsNotPositiveDefinite,
          next.stepsNotPositiveDefinite,
        ),
      };
    }
    const rows = draws * this.likelihood.sentences;
    return {
      logDensity: this.densities.logDensity.subarray(0, rows),
      stepsNotPositiveDefinite: this.densities.stepsNotPositiveDefinite.subarray(0, rows),
    };
  }
}

/** Rows whose likelihood is asked for at once; bounds what the model holds of them. */
const LIKELIHOODS_AT_ONCE = 2048;

/** `likelihood.nll` of any number of draws, some at a time. */
export function nllInPieces(likelihood: ConditionalLikelihood, z: Float32Array): Float32Array {
  const { sentences, latentSize } = likelihood;
  const rows = z.length / latentSize;
  const atOnce = sentences * Math.max(1, Math.floor(LIKELIHOODS_AT_ONCE / sentences));
  const out = new Float32Array(rows);
  for (let start = 0; start < rows; start += atOnce) {
    const piece = z.subarray(start * latentSize, Math.min(rows, start + atOnce) * latentSize);
    out.set(likelihood.nll(piece).nll, start);
  }
  return out;
}

function joined<Numbers extends { set(from: ArrayLike<number>, at?: number): void; readonly length: number }>(
  type: new (length: number) => Numbers,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): Numbers {
  const out = new type(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}
