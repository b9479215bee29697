// Counter-based randomness: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A number depends on its key and its position alone, never on what was drawn before it, so a run that resumes,
// a run on another backend and a run that draws in parallel all see the same noise.

/** What a stream of numbers is for. Its place in this list is part of the key: append, never reorder. */
export const PURPOSES = [
  'initialization',
  'shuffle',
  'chain-start',
  'chain-noise',
  'chain-word-dropout',
  'chain-output-dropout',
  'word-dropout',
  'output-dropout',
  'step-search',
  'evaluation-subset',
  'evaluation-start',
  'evaluation-noise',
  'evaluation-proposal',
  'metropolis',
  'posterior-sample',
  'generation',
  'validation',
  'word-swaps',
  'text-split',
  'labelled-set',
  'cross-validation',
  'mixture-start',
  'reparameterization',
  'encoder-updates',
  'refinement',
  'aggregate-posterior',
  'prior-sample',
  'interpolation-end',
  'ais',
  'ais-pilot',
  'noisy-inference',
  'path-points',
  'other-sentence',
  'chain-vocabulary',
  'prior-codes',
  'normalizer',
  'normalizer-pilot',
] as const;
export type Purpose = (typeof PURPOSES)[number] | PluginPurpose;

/** That of a plugin, by a name of its own with a slash in it: `mmd-vae/prior`. */
export type PluginPurpose = `${string}/${string}`;

/** Which numbers: the run's seed, what they are for, and where in the run they are needed. */
export interface StreamKey {
  seed: number;
  purpose: Purpose;
  epoch?: number;
  batch?: number;
  step?: number;
}

/** The five 32-bit words that fix a stream: the key (2) and the upper three words of the counter. */
export type StreamWords = readonly [key0: number, key1: number, counter1: number, counter2: number, counter3: number];

/** The key and the upper counter of a stream: what all of its blocks have in common. */
export function streamWords({ seed, purpose, epoch = 0, batch = 0, step = 0 }: StreamKey): StreamWords {
  return [seed >>> 0, purposeNumber(purpose), step >>> 0, batch >>> 0, epoch >>> 0];
}

/**
 * A purpose as a part of the key: its place in the list, or of a plugin's the hash of its name (32-bit FNV-1a) with the highest
 * bit set, so that it is none of the list's however long that grows.
 * @throws {RangeError} for a name that is neither.
 */
function purposeNumber(purpose: Purpose): number {
  const known = (PURPOSES as readonly string[]).indexOf(purpose);
  if (known >= 0) return known;
  if (!purpose.includes('/'))
    throw new RangeError(`${purpose} is no purpose; a plugin's has a slash: my-method/${purpose}`);
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(purpose)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash | 0x80000000) >>> 0;
}

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** Upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0;
}

/**
 * One block of Philox4x32-10: `out[at..at+3]` receive the four words of counter (c0, c1, c2, c3) under key (k0, k1).
 */
export function philox(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
  at: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, c0);
    const low0 = Math.imul(M0, c0);
    const high1 = mulHigh(M1, c2);
    const low1 = Math.imul(M1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** Reads one keyed stream from its beginning; two readers with the same key read the same numbers. */
export class RandomStream {
  readonly words: StreamWords;
  private block = 0;
  private readonly buffer = new Uint32Array(4);
  private used = 4;

  constructor(key: StreamKey) {
    this.words = streamWords(key);
  }

  /** The next 32 uniform bits. */
  next(): number {
    if (this.used === 4) {
      const [k0, k1, c1, c2, c3] = this.words;
      philox(this.block++, c1, c2, c3, k0, k1, this.buffer, 0);
      this.used = 0;
    }
    return this.buffer[this.used++]!;
  }

  /** Uniform on the open interval (0, 1), 32 bits of resolution. */
  uniform(): number {
    return (this.next() + 0.5) / 4294967296;
  }

  /** Uniform integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** `count` draws from U(low, high). */
  uniforms(count: number, low = 0, high = 1): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = low + (high - low) * this.uniform();
    return out;
  }

  /** `count` draws from N(0, 1), by Box and Muller. */
  normals(count: number): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      out[i] = radius * Math.cos(angle);
      if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  }

  /** A uniform permutation of 0..count-1 (Fisher and Yates). */
  permutation(count: number): Int32Array {
    const out = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = out[i]!;
      out[i] = out[j]!;
      out[j] = kept;
    }
    return out;
  }

  /**
   * A uniform permutation of 0..count-1 that is one cycle, so that it leaves no place as it is where there are two or more
   * (Sattolo 1986).
   */
  cycle(count: number): Int32Array {
    const out = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i);
      const kept = out[i]!;
      out[i] = out[j]!;
      out[j] = kept;
    }
    return out;
  }
}
