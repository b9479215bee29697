// A model of a given shape that no text was prepared for: what its configuration and its corpus must say for the model
// to be made, and a batch for it to learn from, and no more.

import { DEFAULTS } from '../dist/config/schema.js';
import { methodNamed } from '../dist/methods/registry.js';
import { RandomStream } from '../dist/random/philox.js';

/** The released code's steps s_k^2 / 2, the last of them for all that follow. */
export const RELEASED_STEPS = [0.8, 0.7, 0.6, 0.5, 0.2, 0.2, 0.1, 0.1, 0.05].map((s) => (s * s) / 2);

/**
 * @param {string} method
 * @param {{ E: number; H: number; Z: number }} sizes word vectors, hidden state, latent code.
 * @returns {import('../dist/config/schema.js').RunConfig<import('../dist/methods/sri.js').SriKeys>} the defaults otherwise;
 *   of another method than SRI with that one's own keys.
 */
export function randomRun(method, { E, H, Z }) {
  return /** @type {any} */ ({
    ...DEFAULTS,
    .../** @type {object} */ (methodNamed(method).defaults),
    dataSet: 'random',
    method,
    setting: null,
    name: method,
    seed: 0,
    data: { ...DEFAULTS.data, directory: '' },
    model: { ...DEFAULTS.model, wordVectorSize: E, hiddenSize: H, latentSize: Z, weightRange: 0.1 },
  });
}

/**
 * @param {number} size of the vocabulary.
 * @param {object} splits those that the method reads.
 * @returns {import('../dist/data/corpus.js').PreparedCorpus}
 */
export function randomCorpus(size, splits = {}) {
  return /** @type {any} */ ({ vocabulary: { size }, splits });
}

/**
 * A batch of random sentences, its words by Zipf's law, as words are: how many of them differ decides what a sample of the
 * vocabulary holds.
 * @param {{ B: number; T: number; V: number }} sizes sentences, tokens of each, vocabulary.
 * @returns {import('../dist/data/batches.js').Batch}
 */
export function randomBatch({ B, T, V }) {
  const stream = new RandomStream({ seed: 0, purpose: 'shuffle' });
  const token = () => 3 + Math.floor((V - 3) ** stream.uniform());
  return {
    index: 0,
    indices: Int32Array.from({ length: B }, (_, i) => i),
    inputs: Int32Array.from({ length: T * B }, token),
    targets: Int32Array.from({ length: T * B }, token),
    size: B,
    tokens: T,
  };
}
