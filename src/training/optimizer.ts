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
   * One update of every weight, in place.
   * @param gradients in the order of the parameters' list.
   * @param scale what clipping multiplies every gradient by.
   */
  step(gradients: tf.Tensor[], scale: number): void;
  /** What must be kept to go on later; names do not collide with the weights'. */
  store(): { steps: number; tensors: Map<string, StoredTensor> };
  restore(steps: number, tensors: ReadonlyMap<string, StoredTensor>): void;
  dispose(): void;
}

export function createOptimizer(settings: RunConfig['optimizer'], parameters: Parameters): Optimizer {
  return settings.name === 'adam' ? new Adam(settings, parameters) : new Sgd(settings, parameters);
}

class Sgd implements Optimizer {
  learningRate: number;
  private steps = 0;

  constructor(
    settings: RunConfig['optimizer'],
    private readonly parameters: Parameters,
  ) {
    this.learningRate = settings.learningRate;
  }

  step(gradients: tf.Tensor[], scale: number): void {
    this.steps++;
    this.parameters.list.forEach((parameter, i) => {
      sgd(parameter, gradients[i]!, this.learningRate, scale);
    });
  }

  store() {
    return { steps: this.steps, tensors: new Map<string, StoredTensor>() };
  }

  restore(steps: number): void {
    this.steps = steps;
  }

  dispose(): void {}
}

class Adam implements Optimizer {
  learningRate: number;
  private steps = 0;
  private readonly first: tf.Variable[];
  private readonly second: tf.Variable[];

  constructor(
    private readonly settings: RunConfig['optimizer'],
    private readonly parameters: Parameters,
  ) {
    this.learningRate = settings.learningRate;
    const zeros = () => parameters.list.map((p) => tf.tidy(() => tf.variable(tf.zeros(p.shape))));
    this.first = zeros();
    this.second = zeros();
  }

  step(gradients: tf.Tensor[], scale: number): void {
    this.steps++;
    const settings = { ...this.settings, learningRate: this.learningRate };
    this.parameters.list.forEach((parameter, i) => {
      adam(parameter, this.first[i]!, this.second[i]!, gradients[i]!, settings, this.steps, scale);
    });
  }

  store() {
    const tensors = new Map<string, StoredTensor>();
    for (const [name, moment] of this.moments()) {
      tensors.set(name, { shape: moment.shape, data: moment.dataSync<'float32'>() });
    }
    return { steps: this.steps, tensors };
  }

  restore(steps: number, tensors: ReadonlyMap<string, StoredTensor>): void {
    this.steps = steps;
    for (const [name, moment] of this.moments()) {
      const stored = tensors.get(name);
      if (stored === undefined) throw new Error(`the checkpoint lacks ${name}`);
      tf.tidy(() => moment.assign(tf.tensor(stored.data.slice(), moment.shape, 'float32')));
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
