// Which keys change what a run learns. A key that every method has may mean nothing to some: a language model has no code,
// plain gradient descent no moments.

import { DECODER_NAMES } from '../config/decoder-keys.js';
import type { RunConfig } from '../config/schema.js';
import { can } from './capability.js';
import type { Method } from './define-method.js';

/** Keys that change nothing of what is learned, and of which runs that holds. */
const IDLE: readonly { keys: readonly string[]; of(run: RunConfig, method: Method): boolean }[] = [
  { keys: ['model.latentSize'], of: (_, { inference }) => !can(inference, 'code') },
  // Of an encoder, which knows the mean of its code.
  { keys: ['model.encoderPooling'], of: (_, { inference }) => !can(inference, 'mean') },
  ...DECODER_NAMES.map((name) => ({ keys: [`model.${name}`], of: ({ model }: RunConfig) => model.decoder !== name })),
  {
    keys: ['optimizer.beta1', 'optimizer.beta2', 'optimizer.epsilon'],
    of: ({ optimizer }) => optimizer.name !== 'adam',
  },
  // Halves are of a chain's recurrent weights; the other precisions are of all products that a run learns by.
  {
    keys: ['precision'],
    of: ({ precision }, { inference }) => precision === 'f16' && !can(inference, 'path-density'),
  },
  { keys: ['training.validation'], of: (_, { inference }) => !can(inference, 'code') },
  // An encoder's epochs take draws of its Gaussian, but where perplexity, by `fitted`, judges them; of a point all draws are one.
  {
    keys: [
      'training.validation.draws',
      'training.validation.chains',
      'training.validation.metropolisSteps',
      'training.validation.burnInShare',
      'training.validation.inflation',
      'training.validation.priorShare',
      'training.validation.metrics',
    ],
    of: (_, { inference, selects }) => can(inference, 'mean') && selects !== 'perplexity',
  },
  {
    keys: ['training.validation.inferenceDraws'],
    of: (_, { inference }) => can(inference, 'mean') && !can(inference, 'gaussian'),
  },
];

/** Whether a run of the method, which has the key, learns otherwise by another value of it: `model.latentSize`. */
export function matters(key: string, run: RunConfig, method: Method): boolean {
  const idle = IDLE.filter(({ of }) => of(run, method)).flatMap(({ keys }) => keys);
  return !idle.some((other) => key === other || key.startsWith(`${other}.`));
}
