// A tiny text with its config, for studies that learn nothing but are whole.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { RandomStream } from '../../../src/random/philox.js';

const CONFIG = `
dataSet: tiny
threads: 1
data: { vocabularySize: 20, maxLength: 6, labelColumn: none }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6, weightRange: 0.1 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 20, epochs: 1, checkpointEvery: 0.02, validationSentences: 4 }
evaluation: { draws: { fitted: 20 }, chains: 2, metropolisSteps: 4, inferenceChains: 3,
  sentences: 8, perplexitySentences: 4, klChains: { jacobian: 1, gaussian: 4 } }
methods:
  lstm-lm: {}
  sri: { startFrom: { decoder: lstm-lm }, langevin: { steps: 2, stepSize: [0.3, 0.1], temperature: 0.1 } }
`;

/** Writes tiny.yaml and its text into a folder. @param sentences of the training split. */
export function writeStudy(root: string, sentences = 40): void {
  writeFileSync(path.join(root, 'tiny.yaml'), CONFIG);
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  const sentence = (_: unknown, i: number) =>
    Array.from({ length: 3 + (i % 2) }, () => `word${stream.integer(8)}`).join(' ');
  for (const [split, count] of Object.entries({ train: sentences, valid: 10, test: 10 })) {
    writeFileSync(path.join(root, `tiny.${split}.txt`), `${Array.from({ length: count }, sentence).join('\n')}\n`);
  }
}
