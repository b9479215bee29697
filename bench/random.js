// A model of a given shape that no text was prepared for: what its configuration and its corpus must say for the model
// to be made, and no more.

import { DEFAULTS } from '../dist/config/schema.js';
import { methodNamed } from '../dist/methods/registry.js';

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
