// Which items classification looks at. Inference is what costs, so they are chosen before anything is inferred: the items
// to test on, those that name the clusters, and of the training split only those whose label or code will be used.

import { evaluationSubset } from '../../data/batches.js';
import type { Split } from '../../data/corpus.js';
import { InputError } from '../../errors.js';
import { RandomStream } from '../../random/philox.js';

/** Training items that the mixture is fitted to: it has a few dozen parameters. */
const MIXTURE_ITEMS = 10_000;

/** The splits of a labelled corpus, by what they are for. */
export interface ClassifiedSplits {
  train: Split;
  valid: Split;
  /** The split that accuracy is measured on. */
  test: Split;
}

export interface PlanOptions {
  /** Numbers of labels; 0 for the mixture. */
  labelCounts: readonly number[];
  /** Labelled sets of each other number. */
  sets: number;
  /** Items of `valid`, of `test` and of those that the mixture is fitted to, each at most; null for no limit. */
  limit: number | null;
  /** Of the corpus; two or more. */
  classes: number;
  seed: number;
}

export interface ClassificationPlan {
  /** Items to infer: indices into each split, increasing. */
  items: { train: Int32Array; valid: Int32Array; test: Int32Array };
  /** What the mixture is fitted to, as places in `items.train`; null where no row without labels is wanted. */
  mixture: Int32Array | null;
  /** Labelled sets of each number of labels, as places in `items.train`, in the order in which they were drawn. */
  labelled: { labels: number; sets: Int32Array[] }[];
  /** Numbers of labels that the training split has not. */
  tooMany: number[];
}

/**
 * Labelled sets are drawn uniformly, and nested: the hundred labels of a set are the first hundred of its thousand.
 * @throws {InputError} where an item has no label, or there are fewer items or labels than classes.
 */
export function planClassification(
  { train, valid, test }: ClassifiedSplits,
  { labelCounts, sets, limit, classes, seed }: PlanOptions,
): ClassificationPlan {
  const few = labelCounts.find((count) => count > 0 && count < classes);
  if (few !== undefined) {
    throw new InputError(`${few} labels do not show each of ${classes} classes; give 0, or ${classes} or more`);
  }
  const labels = labelsOf(
    train,
    Int32Array.from({ length: train.length }, (_, i) => i),
  );
  const order = Array.from({ length: sets }, (_, set) => labelledOrder(labels, { seed, set }));
  const possible = labelCounts.filter((count) => count > 0 && count <= train.length);
  const chosenSets = possible.map((count) => order.map((items) => items.slice(0, count)));

  const clustered = labelCounts.includes(0) ? mixtureItems(train, limit, classes, seed) : null;
  const inferred = [...new Set([...(clustered ?? []), ...chosenSets.flat().flatMap((items) => [...items])])];
  const items = {
    train: Int32Array.from(inferred).sort(),
    valid: clustered === null ? new Int32Array() : upTo(valid, limit),
    test: upTo(test, limit),
  };
  const places = new Map(Array.from(items.train, (item, place) => [item, place]));
  const placesOf = (chosen: Int32Array) => chosen.map((item) => places.get(item)!);
  return {
    items,
    mixture: clustered && placesOf(clustered),
    labelled: possible.map((count, i) => ({ labels: count, sets: chosenSets[i]!.map(placesOf) })),
    tooMany: labelCounts.filter((count) => count > train.length),
  };
}

/**
 * The order in which the items of a training split are labelled for one set: at random, except that the first of each
 * class comes before all others. A set therefore shows every class, and is a plain uniform draw whenever that does.
 */
export function labelledOrder(labels: Int32Array, { seed, set }: { seed: number; set: number }): Int32Array {
  const order = new RandomStream({ seed, purpose: 'labelled-set', batch: set }).permutation(labels.length);
  const first = new Map<number, number>();
  for (const item of order) if (!first.has(labels[item]!)) first.set(labels[item]!, item);
  const leading = new Set(first.values());
  return Int32Array.from([...leading, ...order.filter((item) => !leading.has(item))]);
}

/** Class of each chosen item, from 0. @throws {InputError} where one has none. */
export function labelsOf(split: Split, items: Int32Array): Int32Array {
  return items.map((item) => {
    const label = split.label(item);
    if (label === null) throw new InputError(`the ${split.name} split has no labels to classify by`);
    return label;
  });
}

/** Items that the mixture is fitted to, of a training split of so many. */
export function mixtureSize(length: number, limit: number | null): number {
  return Math.min(MIXTURE_ITEMS, limit ?? length, length);
}

/** The items that come first in the first labelled set's draw, so that most of them need no inference of their own. */
function mixtureItems(train: Split, limit: number | null, classes: number, seed: number): Int32Array {
  const count = mixtureSize(train.length, limit);
  if (count < classes) throw new InputError(`${count} training items do not make ${classes} clusters; take more`);
  return new RandomStream({ seed, purpose: 'labelled-set', batch: 0 }).permutation(train.length).slice(0, count);
}

function upTo(split: Split, limit: number | null): Int32Array {
  if (split.length === 0) throw new InputError(`split '${split.name}' has no sentence to classify`);
  return evaluationSubset(split, Math.min(limit ?? split.length, split.length));
}
