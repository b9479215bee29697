// The decoder once more, in plain double-precision loops and forward only: what derivatives are checked against by
// finite differences. Nothing here is shared with the code under test.

export interface Sizes {
  tokens: number;
  batch: number;
  draws: number;
  hidden: number;
  latent: number;
  vocabulary: number;
}

/** Everything NLL depends on, flat, row-major; the shapes are those of SentenceContext and of `lstm`. */
export interface Numbers {
  wordGates: Float64Array;
  outputMask: Float64Array | null;
  targets: Int32Array;
  latentKernel: Float64Array;
  initialKernel: Float64Array;
  initialBias: Float64Array;
  recurrentKernel: Float64Array;
  outputKernel: Float64Array;
  outputBias: Float64Array;
  z: Float64Array;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Hidden states `[tokens, rows, hidden]`. */
export function lstmReference(
  { tokens, batch, hidden: H }: Pick<Sizes, 'tokens' | 'batch' | 'hidden'>,
  rows: number,
  wordGates: Float64Array,
  latentGates: Float64Array,
  initialHidden: Float64Array,
  recurrentKernel: Float64Array,
): Float64Array {
  const out = new Float64Array(tokens * rows * H);
  for (let r = 0; r < rows; r++) {
    let h = initialHidden.slice(r * H, (r + 1) * H);
    const c = new Float64Array(H);
    for (let t = 0; t < tokens; t++) {
      const gate = (column: number) => {
        let sum = wordGates[(t * batch + (r % batch)) * 4 * H + column]! + latentGates[r * 4 * H + column]!;
        for (let k = 0; k < H; k++) sum += h[k]! * recurrentKernel[k * 4 * H + column]!;
        return sum;
      };
      const next = new Float64Array(H);
      for (let u = 0; u < H; u++) {
        c[u] = sigmoid(gate(H + u)) * c[u]! + sigmoid(gate(u)) * Math.tanh(gate(2 * H + u));
        next[u] = sigmoid(gate(3 * H + u)) * Math.tanh(c[u]!);
      }
      h = next;
      out.set(h, (t * rows + r) * H);
    }
  }
  return out;
}

/** -log softmax(W h + b)[target] of each row of `hidden`. */
export function tokenNllReference(
  hidden: Float64Array,
  outputKernel: Float64Array,
  outputBias: Float64Array,
  targets: Int32Array,
): Float64Array {
  const vocabulary = outputBias.length;
  const H = outputKernel.length / vocabulary;
  return Float64Array.from(targets, (target, n) => {
    const logits = Float64Array.from({ length: vocabulary }, (_, v) => {
      let sum = outputBias[v]!;
      for (let k = 0; k < H; k++) sum += hidden[n * H + k]! * outputKernel[v * H + k]!;
      return sum;
    });
    const largest = logits.reduce((a, b) => Math.max(a, b));
    return Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0)) + largest - logits[target]!;
  });
}

/** NLL of each row, `[draws * batch]`. */
export function nllReference(sizes: Sizes, n: Numbers): Float64Array {
  const { tokens, batch, draws, hidden: H, latent: Z } = sizes;
  const rows = draws * batch;
  const project = (kernel: Float64Array, columns: number, bias: Float64Array | null) => {
    const out = new Float64Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < columns; j++) {
        let sum = bias === null ? 0 : bias[j]!;
        for (let d = 0; d < Z; d++) sum += n.z[r * Z + d]! * kernel[d * columns + j]!;
        out[r * columns + j] = sum;
      }
    }
    return out;
  };
  const latentGates = project(n.latentKernel, 4 * H, null);
  const initialHidden = project(n.initialKernel, H, n.initialBias);
  const hidden = lstmReference(sizes, rows, n.wordGates, latentGates, initialHidden, n.recurrentKernel);
  const targets = new Int32Array(tokens * rows);
  for (let t = 0; t < tokens; t++) {
    for (let r = 0; r < rows; r++) {
      targets[t * rows + r] = n.targets[t * batch + (r % batch)]!;
      if (n.outputMask !== null) {
        for (let u = 0; u < H; u++) {
          hidden[(t * rows + r) * H + u]! *= n.outputMask[(t * batch + (r % batch)) * H + u]!;
        }
      }
    }
  }
  const perToken = tokenNllReference(hidden, n.outputKernel, n.outputBias, targets);
  const nll = new Float64Array(rows);
  perToken.forEach((value, i) => {
    nll[i % rows]! += value;
  });
  return nll;
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
