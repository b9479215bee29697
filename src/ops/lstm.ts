// One LSTM layer over a whole sequence. The input projections come precomputed: the words' once a batch, the latent
// code's once a Langevin step, so that only the recurrent product is left inside the loop over time.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, type Kernels, runKernel } from './kernel.js';
import { currentPrecision } from './precision.js';

/**
 * Hochreiter and Schmidhuber 1997, gates in the order input, forget, candidate, output:
 * a_t = wordGates_t + latentGates + h_{t-1} recurrentKernel, c_t = f c_{t-1} + i g, h_t = o tanh(c_t), c_0 = 0.
 *
 * @param wordGates `[tokens, batch, 4 hidden]`, the words' projections.
 * @param latentGates `[rows, 4 hidden]`, what is added at every step (the projection of z and the bias);
 *   rows = draws * batch, row r reads the words of sentence r % batch.
 * @param initialHidden `[rows, hidden]`, h_0.
 * @param recurrentKernel `[hidden, 4 hidden]`.
 * @returns `[tokens, rows, hidden]`, every h_t. Differentiable in all four arguments. The precision of the products is that
 *   of the innermost `inPrecision`.
 */
export function lstm(
  wordGates: tf.Tensor3D,
  latentGates: tf.Tensor2D,
  initialHidden: tf.Tensor2D,
  recurrentKernel: tf.Tensor2D,
): tf.Tensor3D {
  if (!hasKernel('Lstm')) return lstmPortable(wordGates, latentGates, initialHidden, recurrentKernel);
  const [hidden] = runKernel(
    'Lstm',
    { wordGates, latentGates, initialHidden, recurrentKernel },
    { precision: currentPrecision() },
  );
  return hidden;
}

/** {@link lstm} in plain tfjs ops. */
export function lstmPortable(
  wordGates: tf.Tensor3D,
  latentGates: tf.Tensor2D,
  initialHidden: tf.Tensor2D,
  recurrentKernel: tf.Tensor2D,
): tf.Tensor3D {
  return tf.tidy(() => {
    const draws = latentGates.shape[0] / wordGates.shape[1];
    let hidden = initialHidden;
    let cell: tf.Tensor2D = tf.zerosLike(initialHidden);
    const outputs: tf.Tensor2D[] = [];
    for (const step of unstackSteps(wordGates)) {
      const words = draws === 1 ? step : tf.tile(step, [draws, 1]);
      const gates: tf.Tensor2D = tf.add(tf.add(words, latentGates), tf.matMul(hidden, recurrentKernel));
      ({ hidden, cell } = lstmCell(gates, cell));
      outputs.push(hidden);
    }
    return tf.stack(outputs) as tf.Tensor3D;
  });
}

/**
 * One step, a_t to h_t and c_t, in plain tfjs ops.
 * @param gates a_t, `[rows, 4 hidden]`.
 * @param cell c_{t-1}, `[rows, hidden]`.
 */
export function lstmCell(gates: tf.Tensor2D, cell: tf.Tensor2D): { hidden: tf.Tensor2D; cell: tf.Tensor2D } {
  const [input, forget, candidate, output] = tf.split(gates, 4, 1) as tf.Tensor2D[];
  const next: tf.Tensor2D = tf.add(tf.mul(tf.sigmoid(forget!), cell), tf.mul(tf.sigmoid(input!), tf.tanh(candidate!)));
  return { hidden: tf.mul(tf.sigmoid(output!), tf.tanh(next)), cell: next };
}

/** `[tokens, rows, size]` as its steps. tfjs cannot differentiate `unstack` of a single step. */
export function unstackSteps(sequence: tf.Tensor3D): tf.Tensor2D[] {
  const [tokens, rows, size] = sequence.shape;
  return tokens === 1 ? [tf.reshape(sequence, [rows, size])] : (tf.unstack(sequence) as tf.Tensor2D[]);
}

tf.registerGradient({
  kernelName: 'Lstm',
  inputsToSave: ['wordGates', 'latentGates', 'initialHidden', 'recurrentKernel'],
  outputsToSave: [true, true, true],
  gradFunc: (dy, saved, attributes) => {
    const [wordGates, , initialHidden, recurrentKernel, hidden, cells, activations] = saved as [
      ...[wordGates: tf.Tensor3D, latentGates: tf.Tensor2D, initialHidden: tf.Tensor2D, recurrentKernel: tf.Tensor2D],
      ...Kernels['Lstm']['outputs'],
    ];
    const [dHidden] = dy as unknown as Kernels['Lstm']['outputs'];
    // One backward pass gives all four, so it runs here and not once for each input that tfjs asks for.
    const inputs = {
      dHidden,
      initialHidden,
      recurrentKernel,
      hidden,
      cells,
      activations,
    };
    const [dWordGates, dLatentGates, dInitialHidden, dRecurrentKernel] = runKernel('LstmGradient', inputs, {
      batch: wordGates.shape[1],
      ...(attributes as unknown as Kernels['Lstm']['attributes']),
    });
    return {
      wordGates: () => dWordGates,
      latentGates: () => dLatentGates,
      initialHidden: () => dInitialHidden,
      recurrentKernel: () => dRecurrentKernel,
    };
  },
});
