// Run folders that look trained and measured.

import { loadConfig, resolveRun } from '../../src/config/load.js';
import type { RunConfig } from '../../src/config/schema.js';
import { estimatorSettings } from '../../src/evaluation/estimator-settings.js';
import { methods } from '../../src/methods/registry.js';
import type { MeasuredRun } from '../../src/runs/measured-run.js';
import type { MeasuredRow, SentenceValues } from '../../src/runs/row.js';
import { type Manifest, RunFolder } from '../../src/runs/run-folder.js';

export const manifest: Manifest = {
  version: '0.1.0',
  commit: 'abc123',
  node: 'v20',
  dataHash: 'f00d',
  startedFrom: {},
  weights: { best: 'cafe' },
  backends: ['native'],
  unknownRate: { train: 0.04, valid: 0.05, test: 0.0456 },
  sentences: { train: 42068, valid: 3370, test: 3761 },
  backend: 'native',
  backendDetails: 'oneDNN',
  threads: 2,
  precision: 'f32',
  parameters: 1000,
  epochs: 7,
  bestEpoch: 5,
  selectedEpoch: 5,
  bestValidation: 4.5,
  verdict: null,
  trainingSeconds: 61.4,
  finished: null,
  peakMemory: 300,
};

/** Those that the commands measure with unless told. */
function settingsOf(row: GivenRow, run: RunConfig): MeasuredRow['settings'] {
  if (row.metric === 'noisy-recon') return { noiseDraws: 3 };
  return row.metric === 'accuracy' ? { sets: 5, limit: run.evaluation.sentences } : estimatorSettings(row, run);
}

/** What tells a row from others, and what is kept beside it; the rest of it is made up. */
export type GivenRow = Pick<MeasuredRow, 'metric' | 'estimator' | 'value'> &
  Partial<MeasuredRow> & { perSentence?: SentenceValues };

/** The same run, of another text. */
export function onCorpus({ manifest, rows, ...run }: MeasuredRun, dataHash: string): MeasuredRun {
  return { ...run, manifest: { ...manifest, dataHash }, rows: rows.map((row) => ({ ...row, dataHash })) };
}

/** A run of a method on a data set of configs/, under `root`, its rows on the test split and the best weights. */
export async function makeRun(
  root: string,
  dataSet: string,
  method: string,
  setting: string | undefined,
  rows: readonly GivenRow[],
  seed = 3,
): Promise<RunFolder> {
  const run = resolveRun(loadConfig(dataSet, methods()), { method, setting, seed });
  const folder = RunFolder.of(root, run);
  await folder.settleConfig(run);
  // Other seeds make other weights.
  const weights = seed === 3 ? manifest.weights.best! : `cafe${seed}`;
  await folder.writeManifest({ ...manifest, weights: { best: weights } });
  for (const { perSentence, ...given } of rows) {
    const row: MeasuredRow = {
      split: 'test',
      standardError: 0.123456,
      sentences: 3761,
      draws: 500,
      seed,
      seconds: 12,
      warnings: [],
      epoch: 5,
      backend: 'native',
      threads: 2,
      commit: 'abc123',
      weights,
      dataHash: 'f00d',
      settings: settingsOf(given, run),
      ...given,
    };
    await folder.writeRow(row, perSentence);
  }
  return folder;
}
