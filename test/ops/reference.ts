// The decoder's operations once more, forward only, in plain loops and double precision: slow, short, and meant to be
// believed. Derivatives are checked against finite differences of it. Nothing here is shared with the code under test.

export interface Sizes {
  tokens: number;
  batch: number;
  rows: number;
  hiddenSize: number;
  latentSize: number;
  vocabularySize: number;
}

export type Numbers = ArrayLike<number>;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Every h_t `[T, R, H]`; arguments as `lstmForward` of the addon takes them, null for zeros. */
export function lstm(
  { tokens, batch, rows, hiddenSize: H }: Pick<Sizes, 'tokens' | 'batch' | 'rows' | 'hiddenSize'>,
  wordGates: Numbers,
  latentGates: Numbers | null,
  initial: Numbers | null,
  kernel: Numbers,
): Float64Array {
  const out = new Float64Array(tokens * rows * H);
  for (let r = 0; r < rows; r++) {
    let hidden = Array.from({ length: H }, (_, u) => initial?.[r * H + u] ?? 0);
    const cell = new Float64Array(H);
    for (let t = 0; t < tokens; t++) {
      const gate = (j: number) => {
        let sum = wordGates[(t * batch + (r % batch)) * 4 * H + j]! + (latentGates?.[r * 4 * H + j] ?? 0);
        for (let k = 0; k < H; k++) sum += hidden[k]! * kernel[k * 4 * H + j]!;
        return sum;
      };
      hidden = hidden.map((_, u) => {
        cell[u] = sigmoid(gate(H + u)) * cell[u]! + sigmoid(gate(u)) * Math.tanh(gate(2 * H + u));
        return sigmoid(gate(3 * H + u)) * Math.tanh(cell[u]!);
      });
      out.set(hidden, (t * rows + r) * H);
    }
  }
  return out;
}

/** log sum exp of each token's logits, and -log softmax at its target; both `[N]`. */
export function tokenNll(
  hiddenSize: number,
  hidden: Numbers,
  kernel: Numbers,
  bias: Numbers,
  targets: Numbers,
): { nll: Float64Array; logNormalizer: Float64Array } {
  const nll = new Float64Array(targets.length);
  const logNormalizer = new Float64Array(targets.length);
  for (let n = 0; n < targets.length; n++) {
    const logits = Float64Array.from(bias);
    for (let v = 0; v < logits.length; v++) {
      for (let u = 0; u < hiddenSize; u++) logits[v]! += hidden[n * hiddenSize + u]! * kernel[v * hiddenSize + u]!;
    }
    const largest = logits.reduce((a, b) => Math.max(a, b));
    logNormalizer[n] = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    nll[n] = logNormalizer[n]! - logits[targets[n]!]!;
  }
  return { nll, logNormalizer };
}

/** Everything NLL depends on but z, flat, row-major; the shapes are those of SentenceContext and of `lstm`. */
export interface LatentInputs<Floats extends Numbers = Float32Array> {
  wordGates: Floats;
  outputMask: Floats | null;
  targets: Int32Array;
  latentKernel: Floats;
  initialKernel: Floats;
  initialBias: Floats;
  recurrentKernel: Floats;
  outputKernel: Floats;
  outputBias: Floats;
}

/** NLL of each row's sentence `[R]`. */
export function latentNll(sizes: Sizes, inputs: LatentInputs<Numbers>, z: Numbers): Float64Array {
  const { tokens, batch, rows, hiddenSize: H, latentSize: Z } = sizes;
  const project = (kernel: Numbers, width: number, bias?: Numbers) =>
    Float64Array.from({ length: rows * width }, (_, at) => {
      const r = Math.floor(at / width);
      const j = at % width;
      let sum = bias?.[j] ?? 0;
      for (let k = 0; k < Z; k++) sum += z[r * Z + k]! * kernel[k * width + j]!;
      return sum;
    });
  const latentGates = project(inputs.latentKernel, 4 * H);
  const initial = project(inputs.initialKernel, H, inputs.initialBias);
  const hidden = lstm(sizes, inputs.wordGates, latentGates, initial, inputs.recurrentKernel);
  const targets = new Int32Array(tokens * rows);
  for (let n = 0; n < tokens * rows; n++) {
    const word = Math.floor(n / rows) * batch + ((n % rows) % batch);
    targets[n] = inputs.targets[word]!;
    if (inputs.outputMask === null) continue;
    for (let u = 0; u < H; u++) hidden[n * H + u]! *= inputs.outputMask[word * H + u]!;
  }
  const { nll } = tokenNll(H, hidden, inputs.outputKernel, inputs.outputBias, targets);
  return Float64Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (let t = 0; t < tokens; t++) sum += nll[t * rows + r]!;
    return sum;
  });
}

/** d/dx of `f` at `x` along `direction`, by central differences of fourth order. */
export function derivativeAlong(f: (x: Float64Array) => number, x: Numbers, direction: Numbers, step = 1e-3): number {
  const at = (distance: number) => f(Float64Array.from(x, (value, i) => value + distance * direction[i]!));
  return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
}

/** d f / d x at every entry of `x`, by central differences; `x` is restored. */
export function finiteDifferences(x: Float64Array, f: () => number, step = 1e-5): Float64Array {
  return Float64Array.from(x, (value, i) => {
    x[i] = value + step;
    const above = f();
    x[i] = value - step;
    const below = f();
    x[i] = value;
    return (above - below) / (2 * step);
  });
}

export const dot = (a: Numbers, b: Numbers) => Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

/** The largest |a - b| over the largest |b|. */
export function relativeError(a: Numbers, b: Numbers): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    size = Math.max(size, Math.abs(b[i]!));
  }
  // A NaN would be lost in the maxima.
  return a.length === b.length && Array.from(a).every(Number.isFinite) ? difference / size : Number.NaN;
}
