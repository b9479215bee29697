// The accuracy of a classifier that was taught several times, each time with other labelled items, and tested on the same
// items each time.

import type { MeasuredRow } from '../../runs/row.js';
import { defineMetric, drawsOfChains } from '../define-metric.js';

export interface AccuracyEstimate {
  /** Share of right answers, over all sets and items. */
  value: number;
  /** Of `value`, for other labelled items and other test items alike; for other test items alone where there is one set. */
  standardError: number;
  /** Standard deviation of the accuracy from one labelled set to another; NaN where there is one. */
  spread: number;
  lowest: number;
  highest: number;
}

/**
 * The mean accuracy over labelled sets, with a standard error that knows both reasons why it could have come out otherwise.
 * Averaging over S sets lessens the luck of the labels but not that of the N test items, which all sets share, so the
 * variance is s^2 + i^2/N, s^2 that of the luck of the labels over S and i^2 that of an item's mean answer. Both are
 * estimated as in a two-way analysis of variance with random effects and one answer a cell (Searle, Casella and McCulloch
 * 1992, chapter 4); a negative estimate of the labels' share counts as none.
 *
 * @param right whether the classifier of each set was right (1) or wrong (0) of each test item; [sets] of [items].
 */
export function accuracyOverSets(right: readonly Uint8Array[]): AccuracyEstimate {
  const sets = right.length;
  const items = right[0]!.length;
  const ofSet = right.map((answers) => answers.reduce((sum, answer) => sum + answer, 0) / items);
  const ofItem = Float64Array.from(
    { length: items },
    (_, i) => right.reduce((sum, answers) => sum + answers[i]!, 0) / sets,
  );
  const value = ofSet.reduce((sum, accuracy) => sum + accuracy, 0) / sets;

  const betweenSets = (items * ofSet.reduce((sum, accuracy) => sum + (accuracy - value) ** 2, 0)) / (sets - 1);
  const betweenItems = (sets * ofItem.reduce((sum, mean) => sum + (mean - value) ** 2, 0)) / (items - 1);
  let residual = 0;
  right.forEach((answers, set) => {
    for (let i = 0; i < items; i++) residual += (answers[i]! - ofSet[set]! - ofItem[i]! + value) ** 2;
  });
  residual /= (sets - 1) * (items - 1);
  const ofLabels = sets > 1 ? Math.max(0, betweenSets - residual) : 0;
  return {
    value,
    standardError: Math.sqrt((betweenItems + ofLabels) / (sets * items)),
    spread: Math.sqrt(betweenSets / items),
    lowest: Math.min(...ofSet),
    highest: Math.max(...ofSet),
  };
}

/** What ends the variant of a row by the modes of posteriors. */
const MODE = '-mode';

/** Of the row of a number of labels, by codes that are means, or the modes of posteriors. */
export function accuracyVariant(labels: number, feature: 'mean' | 'mode' = 'mean'): string {
  return `labels-${labels}${feature === 'mode' ? MODE : ''}`;
}

/** Whether a row of accuracy is by the modes of posteriors. */
export function isByMode({ variant }: Pick<MeasuredRow, 'variant'>): boolean {
  return variant?.endsWith(MODE) ?? false;
}

export const accuracy = defineMetric({
  name: 'accuracy',
  label: 'Accuracy',
  description: 'share of sentences whose class is told from their code',
  direction: 'higher',
  command: 'sri classify',
  wanted: ({ evaluation, inference }) => [drawsOfChains({ inference }, evaluation.featureDraws)],
});

/** Of sentences that were written as ones of another class; measured on given ones, which belong to no split. */
export const transferAccuracy = defineMetric({
  name: 'transfer',
  label: 'Transfer',
  description: 'share of given sentences that, written as ones of another class, are taken for it',
  direction: 'higher',
  command: 'sri transfer',
  wanted: () => [],
});
