// The optimizers as objects with memory: which step they are at, their moments, and how both are saved.

import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.js';
import type { Parameters } from '../model/parameters.js';
import { adam } from '../ops/adam.js';
import { sgd } from '../ops/sgd.js';
import type { StoredTensor } from '../storage/safetensors.js';

export interface Optimizer {
  learningRate: number;
  /**
   * One update of the weights, in place.
   * @param gradients in the order of the parameters' list; null for a weight that stays as it is.
   * @param scale what clipping multiplies every gradient by.
   */
  step(gradients: readonly (tf.Tensor | null)[], scale: number): void;
  /** What must be kept to go on later; names do not collide with the weights'. */
  store(): Map<string, StoredTensor>;
  restore(tensors: ReadonlyMap<string, StoredTensor>): void;
  dispose(): void;
}

/** The optimizer that a configuration names; moments, where it has some, are zero. */
export function createOptimizer(settings: RunConfig['optimizer'], parameters: Parameters): Optimizer {
  return settings.name === 'adam' ? new Adam(settings, parameters) : new Sgd(settings, parameters);
}

class Sgd implements Optimizer {
  learningRate: number;

  constructor(
    settings: RunConfig['optimizer'],
    private readonly parameters: Parameters,
  ) {
    this.learningRate = settings.learningRate;
  }

  step(gradients: readonly (tf.Tensor | null)[], scale: number): void {
    this.parameters.list.forEach((parameter, i) => {
      const gradient = gradients[i]!;
      if (gradient !== null) sgd(parameter, gradient, this.learningRate, scale);
    });
  }

  store(): Map<string, StoredTensor> {
    return new Map();
  }

  restore(): void {}

  dispose(): void {}
}

class Adam implements Optimizer {
  learningRate: number;
  /** Updates of each weight: the correction of its moments' bias goes by them. */
  private readonly steps: Float32Array;
  private readonly first: tf.Variable[];
  private readonly second: tf.Variable[];

  constructor(
    private readonly settings: RunConfig['optimizer'],
    private readonly parameters: Parameters,
  ) {
    this.learningRate = settings.learningRate;
    this.steps = new Float32Array(parameters.list.length);
    const zeros = () => parameters.list.map((p) => tf.tidy(() => tf.variable(tf.zeros(p.shape))));
    this.first = zeros();
    this.second = zeros();
  }

  step(gradients: readonly (tf.Tensor | null)[], scale: number): void {
    const settings = { ...this.settings, learningRate: this.learningRate };
    this.parameters.list.forEach((parameter, i) => {
      const gradient = gradients[i]!;
      if (gradient === null) return;
      this.steps[i]!++;
      adam(parameter, this.first[i]!, this.second[i]!, gradient, settings, this.steps[i]!, scale);
    });
  }

  store(): Map<string, StoredTensor> {
    const tensors = new Map<string, StoredTensor>([
      ['adam.steps', { shape: [this.steps.length], data: this.steps.slice() }],
    ]);
    for (const [name, moment] of this.moments()) {
      tensors.set(name, { shape: moment.shape, data: moment.dataSync<'float32'>() });
    }
    return tensors;
  }

  restore(tensors: ReadonlyMap<string, StoredTensor>): void {
    const stored = (name: string): StoredTensor => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Error(`the checkpoint lacks ${name}`);
      return tensor;
    };
    this.steps.set(stored('adam.steps').data);
    for (const [name, moment] of this.moments()) {
      tf.tidy(() => moment.assign(tf.tensor(stored(name).data.slice(), moment.shape, 'float32')));
    }
  }

  dispose(): void {
    tf.dispose([...this.first, ...this.second]);
  }

  private moments(): [name: string, moment: tf.Variable][] {
    return this.parameters.names.flatMap((name, i): [string, tf.Variable][] => [
      [`adam.first.${name}`, this.first[i]!],
      [`adam.second.${name}`, this.second[i]!],
    ]);
  }
}
