// LSTM-LM beside a run: found where it is finished and of the corpus, and asked for the NLL of the very sentences.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { evaluationSubset } from '../../src/data/batches.js';
import { languageModelNll } from '../../src/experiments/language-model.js';
import { methodNamed } from '../../src/methods/registry.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { saveWeights } from '../../src/runs/weights.js';
import { manifest } from '../report/runs.js';
import { toyCorpus, toyRun } from '../training/toy.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-language-model-'));
const corpus = toyCorpus();
const beside = { directory: path.join(root, 'toy', 'sri', 'seed-3') };

beforeAll(async () => {
  await useBackend('cpu', 1);
});
afterAll(() => rmSync(root, { recursive: true }));

/** A run of LSTM-LM that looks finished, with the weights of its start. */
async function makeLanguageModel(
  seed: number,
  change: Partial<typeof manifest> = {},
  select: 'best' | 'last' = 'best',
): Promise<void> {
  const base = toyRun('lstm-lm');
  const run = { ...base, seed, training: { ...base.training, select } };
  const folder = RunFolder.of(root, run);
  await folder.settleConfig(run);
  const finished = { reason: 'all-epochs', epochs: 3 } as const;
  const model = methodNamed('lstm-lm').create(run, corpus);
  const weights = { [select]: await saveWeights(folder.weights(select), model, 1) };
  await folder.writeManifest({ ...manifest, dataHash: corpus.hash, finished, weights, ...change });
  model.dispose();
}

it('is the NLL of the finished run on the corpus, of the same seed where there is one', async () => {
  const ask = () => languageModelNll(beside, 3, corpus, 'valid', 7);
  expect(ask()).toBeNull();
  await makeLanguageModel(1, { finished: null });
  await makeLanguageModel(2, { dataHash: 'another' });
  expect(ask()).toBeNull();
  await makeLanguageModel(5);
  const other = ask()!;
  expect([...other.keys()].sort((a, b) => a - b)).toEqual([...evaluationSubset(corpus.splits.valid, 7)]);
  for (const [sentence, nll] of other) {
    // Weights that know nothing yet: nearly uniform over ten words, of which the sentence has so many and its end.
    const words = corpus.splits.valid.sentence(sentence).length + 1;
    expect(Math.abs(nll / (words * Math.log(corpus.vocabulary.size)) - 1)).toBeLessThan(0.05);
  }
  await makeLanguageModel(3);
  const own = ask()!;
  expect([...own.keys()]).toEqual([...other.keys()]);
  expect([...own.values()]).not.toEqual([...other.values()]);
});

it('is left out, with a warning, of a run that cannot be read, and looks at no other folder', async () => {
  const asked = (seed: number) => {
    const told: string[] = [];
    const folder = { directory: path.join(root, 'toy', 'sri', `seed-${seed}`) };
    return { nll: languageModelNll(folder, seed, corpus, 'valid', 7, (text) => told.push(text)), told };
  };
  // What is not LSTM-LM's is not looked at: a link in a circle, a damaged run.
  symlinkSync('loop', path.join(root, 'loop'));
  symlinkSync('loop', path.join(root, 'toy', 'loop'));
  expect(asked(3).told).toEqual([]);
  await makeLanguageModel(6);
  const folder = RunFolder.of(root, { ...toyRun('lstm-lm'), seed: 6 });
  const file = path.join(folder.directory, 'manifest.json');
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 100));
  const { nll, told } = asked(6);
  expect(told).toEqual([
    expect.stringMatching(/^no gain over LSTM-LM by a run that cannot be read: .*seed-6\/manifest\.json/),
  ]);
  // The next that can be read.
  expect([...nll!.values()]).toEqual([...asked(3).nll!.values()]);
  rmSync(folder.directory, { recursive: true });
});

it('is by the weights that the run is measured by', async () => {
  const nll = () => [
    ...languageModelNll({ directory: path.join(root, 'toy', 'sri', 'seed-8') }, 8, corpus, 'valid', 7)!,
  ];
  const others = nll();
  await makeLanguageModel(8, {}, 'last');
  expect(nll()).not.toEqual(others);
});
