// Two measurements of the same sentences, one against the other. A long sentence is hard for every model, so most of what a
// mean's standard error is made of is common to both, and drops out of the difference sentence by sentence.

import type { MeasuredRow, SentenceValues } from '../runs/row.js';
import { type MeanEstimate, meanEstimate } from '../statistics.js';
import { SHARED_ERROR } from './perplexity/normalizer.js';

/**
 * The mean over sentences of `first` less `second`, with its standard error, over those that both have; `count` says how
 * many these are. Each is known by its place in the split, so both must be of one split of one corpus. Values that are
 * estimates bring their bias into the difference; their noise is in its error.
 *
 * @returns null where no sentence is in both; the error is NaN for a single one.
 */
export function pairedDifference(first: SentenceValues, second: SentenceValues): MeanEstimate | null {
  const places = new Map(Array.from(second.index, (sentence, at) => [sentence, at]));
  const differences: number[] = [];
  first.index.forEach((sentence, at) => {
    const place = places.get(sentence);
    if (place !== undefined) differences.push(first.value[at]! - second.value[place]!);
  });
  return differences.length === 0 ? null : meanEstimate(differences);
}

/**
 * A difference with what the rows' sentences have in common, each row's own, in its error: the constant of a learned prior, which
 * no spread over sentences shows.
 * @param rows that the difference is between.
 */
export function withSharedErrors(difference: MeanEstimate, rows: readonly Pick<MeasuredRow, 'facts'>[]): MeanEstimate {
  const shared = rows.map(({ facts }) => facts?.[SHARED_ERROR] ?? 0);
  return { ...difference, standardError: Math.hypot(difference.standardError, ...shared) };
}
