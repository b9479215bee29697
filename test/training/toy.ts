// A corpus and a configuration small enough to train on in a test.

import { DEFAULTS, type RunConfig } from '../../src/config/schema.js';
import { EncodedSplit, type PreparedCorpus } from '../../src/data/corpus.js';
import { SPLIT_NAMES } from '../../src/data/splits.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import type { AutoencoderKeys } from '../../src/methods/ae.js';
import type { BetaKeys } from '../../src/methods/beta-vae.js';
import type { CommittedRateKeys } from '../../src/methods/delta-vae.js';
import type { EnergyPriorKeys } from '../../src/methods/energy-learning.js';
import type { FreeBitsKeys } from '../../src/methods/free-bits.js';
import type { InfoVaeKeys } from '../../src/methods/info-vae.js';
import type { JointEnergyPriorKeys } from '../../src/methods/joint-energy-prior.js';
import type { AggressiveKeys } from '../../src/methods/lagging-vae.js';
import type { LayeredKeys } from '../../src/methods/multi-layer.js';
import { methodNamed, methods } from '../../src/methods/registry.js';
import type { SemiAmortizedKeys } from '../../src/methods/sa-vae.js';
import type { SriKeys } from '../../src/methods/sri.js';
import { RandomStream } from '../../src/random/philox.js';

/** Sentences of 2 to 5 words in which each word says much about the next. */
export function toyCorpus(sentences = 40): PreparedCorpus {
  const words = ['<pad>', '<unk>', '<s>', '</s>', 'a', 'b', 'c', 'd', 'e', 'f'];
  const split = (name: string, seed: number) => {
    const stream = new RandomStream({ seed, purpose: 'shuffle' });
    const offsets = [0];
    const ids: number[] = [];
    for (let i = 0; i < sentences; i++) {
      let word = 4 + stream.integer(6);
      const length = 2 + stream.integer(4);
      for (let t = 0; t < length; t++) {
        ids.push(word);
        word = 4 + ((word - 4 + 1 + stream.integer(2)) % 6);
      }
      offsets.push(ids.length);
    }
    return new EncodedSplit(name, Int32Array.from(ids), Int32Array.from(offsets), null);
  };
  return {
    name: 'toy',
    directory: 'data/toy',
    hash: 'toy',
    settings: {
      vocabularySize: words.length - 2,
      maxLength: 10,
      overLong: 'truncate',
      lowercase: false,
      unknownToken: '<unk>',
      labelColumn: 'none',
      division: null,
    },
    vocabulary: new Vocabulary(words),
    labels: null,
    splits: { train: split('train', 1), valid: split('valid', 2), test: split('test', 3) },
    statistics: {
      vocabulary: words.length,
      splits: Object.fromEntries(
        SPLIT_NAMES.map((name) => [name, { sentences, unknownRate: 0 }]),
      ) as unknown as PreparedCorpus['statistics']['splits'],
    },
  };
}

/** A run as the tests of all methods see it. It holds the keys of its own method alone. */
export type ToyRun = RunConfig<
  FreeBitsKeys &
    AggressiveKeys &
    AutoencoderKeys &
    SemiAmortizedKeys &
    SriKeys &
    BetaKeys &
    CommittedRateKeys &
    InfoVaeKeys &
    LayeredKeys &
    EnergyPriorKeys &
    JointEnergyPriorKeys
>;

/** What methods have where nothing is said. */
export const OWN_DEFAULTS: Omit<ToyRun, keyof RunConfig> = Object.assign(
  {},
  ...methods().map(({ defaults }) => defaults),
);

export function toyRun(method: string, changes: Partial<ToyRun> = {}): ToyRun {
  return {
    ...structuredClone(DEFAULTS),
    ...(structuredClone(methodNamed(method).defaults) as ToyRun),
    dataSet: 'toy',
    method,
    setting: null,
    name: method,
    seed: 3,
    backend: 'cpu',
    data: { ...DEFAULTS.data, directory: 'data/toy' },
    model: { ...DEFAULTS.model, latentSize: 3, wordVectorSize: 6, hiddenSize: 8, weightRange: 0.1 },
    optimizer: {
      ...DEFAULTS.optimizer,
      name: method === 'sri' ? 'adam' : 'sgd',
      learningRate: method === 'sri' ? 0.01 : 0.5,
    },
    training: { ...DEFAULTS.training, batchSize: 8, epochs: 3, logEvery: 3, checkpointEvery: 1e-9 },
    ...(method === 'sri' ? { langevin: { ...OWN_DEFAULTS.langevin, steps: 3 } } : {}),
    ...changes,
  };
}
