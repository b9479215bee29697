// Rows of Table 1 against LSTM-LM's, sentence by sentence: what the two perplexities differ by, with an error that knows
// that both are of the same sentences.

import { pairedDifference, withSharedErrors } from '../evaluation/paired.js';
import { type MeasuredRun, rowsOfSelected, sentenceValues } from '../runs/measured-run.js';
import { finiteOrNull, type MeasuredRow } from '../runs/row.js';
import type { MeanEstimate } from '../statistics.js';
import { combineSeeds, type SeedMean, type Seeds } from './seeds.js';

/** The method that the others are held against. */
const LANGUAGE_MODEL = 'lstm-lm';

export interface Against {
  /** Mean of a row's -log p(x) less LSTM-LM's, nats a sentence: below 0 where it does better. */
  value: number | null;
  standardError: number | null;
  /** That both were measured on, of each seed. */
  sentences: number[];
  /** LSTM-LM's that each was held against. */
  seeds: number[];
}

/**
 * The perplexities of a line against LSTM-LM's on the same split of the same corpus: of each seed against LSTM-LM's of that
 * seed where there is one, else against its first, over the sentences that both have.
 *
 * @param ppl of the line; null where it has none.
 * @param all runs there are, LSTM-LM's among them.
 * @returns null where no sentence is known of both, and for LSTM-LM itself.
 */
export function againstLanguageModel(
  runs: Seeds,
  ppl: SeedMean | null,
  all: readonly MeasuredRun[],
  split: string,
): Against | null {
  const differences = (ppl?.rows ?? []).flatMap((row) => {
    const measured = runs.find(({ rows }) => rows.includes(row))!;
    return differenceOf(measured, row, languageModels(all, measured), split) ?? [];
  });
  if (differences.length === 0) return null;
  const finite = differences.map(({ value, standardError }) => ({
    value: finiteOrNull(value),
    standardError: finiteOrNull(standardError),
  }));
  const { value, standardError } = combineSeeds(finite);
  return {
    value,
    standardError,
    sentences: differences.map(({ count }) => count),
    seeds: differences.map(({ seed }) => seed),
  };
}

/** LSTM-LM's runs on the corpus of a run: of its first setting where there is one, that of the run's own seed first. */
function languageModels(all: readonly MeasuredRun[], { run: { seed }, manifest }: MeasuredRun): MeasuredRun[] {
  const models = all.filter(
    ({ run, manifest: { dataHash } }) => run.method === LANGUAGE_MODEL && dataHash === manifest.dataHash,
  );
  const plain = models.filter(({ run }) => run.name === LANGUAGE_MODEL);
  return (plain.length > 0 ? plain : models).toSorted(
    (a, b) => Number(b.run.seed === seed) - Number(a.run.seed === seed) || a.run.seed - b.run.seed,
  );
}

function differenceOf(
  measured: MeasuredRun,
  row: MeasuredRow,
  models: readonly MeasuredRun[],
  split: string,
): (MeanEstimate & { seed: number }) | null {
  if (models.some(({ directory }) => directory === measured.directory)) return null;
  const own = sentenceValues(measured, row);
  if (own === null) return null;
  for (const model of models) {
    const found = rowsOfSelected(model, 'ppl', split).flatMap((other) => {
      const values = sentenceValues(model, other);
      // Of log p(x), so that of -log p(x) it is ours less theirs.
      const difference = values === null ? null : pairedDifference(values, own);
      return difference === null ? [] : withSharedErrors(difference, [row, other]);
    });
    const widest = found.toSorted((a, b) => b.count - a.count)[0];
    if (widest !== undefined) return { ...widest, seed: model.run.seed };
  }
  return null;
}
