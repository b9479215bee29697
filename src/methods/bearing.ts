// Which keys change what a run learns. A key that every method has may mean nothing to some: a language model has no code,
// plain gradient descent no moments.

import type { RunConfig } from '../config/schema.js';
import type { Method } from './define-method.js';

/** Keys that change nothing of what is learned, and of which runs that holds. */
const IDLE: readonly { keys: readonly string[]; of(run: RunConfig, method: Method): boolean }[] = [
  { keys: ['model.latentSize'], of: (_, { inference }) => inference === 'none' },
  { keys: ['model.encoderPooling'], of: (_, { inference }) => inference === 'none' || inference === 'short-run' },
  { keys: ['model.transformer'], of: ({ model }) => model.decoder !== 'transformer' },
  {
    keys: ['optimizer.beta1', 'optimizer.beta2', 'optimizer.epsilon'],
    of: ({ optimizer }) => optimizer.name !== 'adam',
  },
  // Of a chain's products.
  { keys: ['precision'], of: (_, { inference }) => inference !== 'short-run' },
  // An encoder's epochs take one draw of its Gaussian, but where perplexity, by `fitted`, judges them.
  {
    keys: ['training.validation'],
    of: (_, { inference, selects }) => inference === 'none' || (inference !== 'short-run' && selects !== 'perplexity'),
  },
];

/** Whether a run of the method, which has the key, learns otherwise by another value of it: `model.latentSize`. */
export function matters(key: string, run: RunConfig, method: Method): boolean {
  const idle = IDLE.filter(({ of }) => of(run, method)).flatMap(({ keys }) => keys);
  return !idle.some((other) => key === other || key.startsWith(`${other}.`));
}
