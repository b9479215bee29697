// Runs beside each other, each against the first: what their quantities differ by over the very same sentences.

import { InputError } from '../errors.js';
import { pairedDifference, withSharedErrors } from '../evaluation/paired.js';
import { metrics } from '../evaluation/registry.js';
import { printedRows } from '../report/table1.js';
import { type MeasuredRun, rowsOfSelected, sentenceValues } from '../runs/measured-run.js';
import type { MeasuredRow } from '../runs/row.js';
import type { MeanEstimate } from '../statistics.js';

export interface Compared {
  metric: string;
  variant: string | undefined;
  run: MeasuredRun;
  row: MeasuredRow;
  /**
   * The mean over common sentences of this run's value less the first run's; of a perplexity, of -log p(x), nats a sentence.
   * Null for the first run itself, and where either kept no values of single sentences.
   */
  difference: MeanEstimate | null;
  /** Sentences that the first run's row is of; null where it has no such row. */
  ofFirst: number | null;
}

/**
 * What was measured of any of the runs on a split, by quantity, then in the order of the runs.
 * @throws {InputError} where the runs are of several corpora, nothing was measured on the split, or a quantity of one run is
 *   of none of the sentences that the first run's is of.
 */
export function compareRuns(runs: readonly MeasuredRun[], split: string): Compared[] {
  const [first] = runs;
  const stranger = runs.find(({ manifest }) => manifest.dataHash !== first!.manifest.dataHash);
  if (stranger !== undefined) {
    throw new InputError(
      `${stranger.directory} learned from another corpus than ${first!.directory}, so they have no sentences in common`,
    );
  }
  const compared = metrics().flatMap(({ name }) => {
    const variants = new Set(runs.flatMap((run) => rowsOfSelected(run, name, split).map(({ variant }) => variant)));
    return [...variants].flatMap((variant) => {
      // As tables print it, so that no difference is of what two estimators say.
      const rows = printedRows(runs, name, variant, split);
      return runs.flatMap((run, i): Compared[] => {
        const row = rows[i]!;
        if (row === null) return [];
        const difference = i === 0 || rows[0] === null ? null : against(first!, rows[0]!, run, row);
        return [{ metric: name, variant, run, row, difference, ofFirst: rows[0]?.sentences ?? null }];
      });
    });
  });
  if (compared.length === 0) {
    throw new InputError(`nothing was measured of these runs on the ${split} split yet; see sri eval`);
  }
  return compared;
}

function against(first: MeasuredRun, firstRow: MeasuredRow, run: MeasuredRun, row: MeasuredRow): MeanEstimate | null {
  const [theirs, own] = [sentenceValues(first, firstRow), sentenceValues(run, row)];
  if (theirs === null || own === null) return null;
  // Of a perplexity log p(x) is kept, the more the better; its negative is what grows with the perplexity.
  const difference = row.metric === 'ppl' ? pairedDifference(theirs, own) : pairedDifference(own, theirs);
  if (difference === null) {
    throw new InputError(
      `${row.metric}: ${run.directory} was measured on ${own.index.length} sentences, none of them among the ` +
        `${theirs.index.length} of ${first.directory}; measure both on the same: sri eval --metric ${row.metric} --limit N`,
    );
  }
  return withSharedErrors(difference, [firstRow, row]);
}
