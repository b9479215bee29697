// A small language of one's own in the present folder, for tests that use trained models: prepared, and a run of each method
// trained for a moment.

import { writeFileSync } from 'node:fs';
import { sri } from './in-process.js';

const CONFIG = `
dataSet: words
backend: cpu
data: { vocabularySize: 12, maxLength: 6, labelColumn: none, lowercase: true }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6, weightRange: 0.8 }
optimizer: { name: adam, learningRate: 0.05 }
training: { batchSize: 8, epochs: 1, validationSentences: 2, validation: { draws: 3, chains: 3, metropolisSteps: 1 } }
evaluation: { inferenceChains: 4 }
methods: { lstm-lm: {}, ae: {}, anneal-vae: {}, sri: { langevin: { steps: 3, stepSize: 0.3, temperature: 0.1 } } }
`;

/** @throws {Error} where a command fails. */
export async function trainOnWords(methods: readonly string[]): Promise<void> {
  writeFileSync('words.yaml', CONFIG);
  for (const split of ['train', 'valid', 'test']) {
    const lines = Array.from({ length: 9 }, (_, i) => `a b${i % 2} ${i % 3 ? 'c' : 'd e'}`);
    writeFileSync(`words.${split}.txt`, `${lines.join('\n')}\n`);
  }
  const commands = [['prepare'], ...methods.map((method) => ['train', '--method', method])];
  for (const command of commands) {
    const { code, error } = await sri(...command);
    if (code !== 0) throw new Error(`sri ${command.join(' ')}: ${error}`);
  }
}
