// Parts of a loss that are to be known. To read them within the loss would have a GPU wait for the processor in its middle, so
// they are kept, and read in one go once the update is on its way.

import * as tf from '@tensorflow/tfjs-core';

export class Noted {
  private kept: tf.Scalar[] = [];

  /** Within a loss. @param scalars what is to be known after the update. */
  keep(...scalars: tf.Scalar[]): void {
    this.kept.push(...scalars.map((scalar) => tf.keep(tf.clone(scalar))));
  }

  /** Their values, in order; they are let go. */
  read(): Float32Array {
    const { kept } = this;
    this.kept = [];
    const values = kept.length === 0 ? new Float32Array() : tf.tidy(() => tf.stack(kept).dataSync<'float32'>());
    tf.dispose(kept);
    return values;
  }
}
