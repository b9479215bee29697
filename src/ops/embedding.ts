// Rows of a table by index. Its gradient touches only the rows that were read, and stays that small where the backend
// can keep it so.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';

/**
 * @param table `[vocabulary, size]`.
 * @param ids int32, any shape, each in [0, vocabulary).
 * @returns `[...ids.shape, size]`. Differentiable in the table; a kernel's gradient is a `[vocabulary, size]` tensor
 *   that may be stored as its non-zero rows.
 */
export function embedding(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  if (!hasKernel('Embedding')) return embeddingPortable(table, ids);
  return runKernel('Embedding', { table, ids });
}

/** {@link embedding} in plain tfjs ops. The gradient is a product with one-hot rows, which every backend has. */
export function embeddingPortable(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  const [vocabulary, size] = table.shape;
  const flat = tf.reshape(ids, [-1]) as tf.Tensor1D;
  const op = tf.customGrad((...args) => {
    const [rows, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    // The ids may be gone by the time the gradient is taken.
    save([flat]);
    return {
      value: tf.gather(rows, flat),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) =>
        tf.matMul(tf.oneHot(saved as tf.Tensor1D, vocabulary) as tf.Tensor2D, dy as tf.Tensor2D, true, false),
    };
  });
  return tf.reshape(op(table), [...ids.shape, size]);
}

tf.registerGradient({
  kernelName: 'Embedding',
  inputsToSave: ['table', 'ids'],
  gradFunc: (dy, saved) => {
    const [table, ids] = saved as [table: tf.Tensor2D, ids: tf.Tensor];
    return {
      table: () => runKernel('EmbeddingGradient', { dRows: dy as tf.Tensor, ids }, { shape: table.shape }),
    };
  },
});
