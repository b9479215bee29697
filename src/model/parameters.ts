// A model's weights under their names: what is initialized, updated, saved and restored.

import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../errors.js';
import { RandomStream } from '../random/philox.js';
import type { StoredTensor } from '../storage/safetensors.js';

export class Parameters {
  private readonly variables = new Map<string, tf.Variable>();

  constructor(private readonly seed: number) {}

  /**
   * Adds a weight drawn from U(-range, range). The draw depends on the seed and on how many were added before,
   * not on the backend.
   */
  add<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R], range: number): tf.Variable<R> {
    const stream = new RandomStream({ seed: this.seed, purpose: 'initialization', step: this.variables.size });
    const values = stream.uniforms(tf.util.sizeFromShape(shape), -range, range);
    const variable = tf.tidy(() => tf.variable(tf.tensor(values, shape)));
    this.variables.set(name, variable);
    return variable;
  }

  get names(): string[] {
    return [...this.variables.keys()];
  }

  get list(): tf.Variable[] {
    return [...this.variables.values()];
  }

  /** How many numbers the model holds. */
  get size(): number {
    return this.list.reduce((sum, variable) => sum + variable.size, 0);
  }

  /** Every weight as it is now; to be used before the next update, which some backends make in place. */
  store(): Map<string, StoredTensor> {
    const stored = new Map<string, StoredTensor>();
    for (const [name, variable] of this.variables) {
      stored.set(name, { shape: variable.shape, data: variable.dataSync<'float32'>() });
    }
    return stored;
  }

  /**
   * Sets weights from `stored`, which may hold more than these.
   * @param only which weights, by name; all unless given.
   * @throws InputError naming `source` if one is missing or has another shape.
   */
  restore(
    stored: ReadonlyMap<string, StoredTensor>,
    source: string,
    only: (name: string) => boolean = () => true,
  ): void {
    for (const [name, variable] of this.variables) {
      if (!only(name)) continue;
      const tensor = stored.get(name);
      if (tensor === undefined) {
        throw new InputError(
          `${source}: no weight named ${name}; was it saved by another method, or with another model.decoder?`,
        );
      }
      if (!tf.util.arraysEqual(tensor.shape, variable.shape)) {
        throw new InputError(
          `${source}: ${name} is [${tensor.shape}], but this configuration's is [${variable.shape}]; use the run's own config`,
        );
      }
      tf.tidy(() => variable.assign(tf.tensor(tensor.data.slice(), variable.shape, 'float32')));
    }
  }

  dispose(): void {
    for (const variable of this.variables.values()) variable.dispose();
    this.variables.clear();
  }
}
