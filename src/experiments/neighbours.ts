// Which sentences of a corpus lie nearest to given ones in the space of codes.

import { evaluationSubset } from '../data/batches.js';
import type { SplitName } from '../data/splits.js';
import { inferCodes } from '../evaluation/codes.js';
import { textOf } from './decode-texts.js';
import { type EncodingRequest, encode, type UnknownGivenWords } from './encode.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, type Stage, stage } from './progress.js';

/** Between mean codes: |a - b|, or 1 - a b / (|a| |b|). */
export type Distance = 'euclidean' | 'cosine';

export interface NeighboursRequest extends EncodingRequest {
  split: SplitName;
  /** Sentences of the split, drawn at random, that are looked among; all where null. */
  limit: number | null;
  /** Neighbours of each sentence. */
  count: number;
  distance: Distance;
}

export interface Neighbour {
  /** From 1, the nearest. */
  rank: number;
  distance: number;
  /** Its place in the split, from 0. */
  sentence: number;
  text: string;
  /** Null where the corpus has no labels. */
  label: string | null;
}

export interface Neighbourhood {
  /** The given sentence as the model reads it. */
  text: string;
  neighbours: Neighbour[];
}

/**
 * The sentences of a split whose mean codes lie nearest to those of given sentences, found by looking at every one.
 * @throws {InputError} for a method without a code, and for a line without words.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function neighbours(
  opened: OpenRun,
  { split, limit, count, distance, ...request }: NeighboursRequest,
  following: Following<Stage | UnknownGivenWords> = {},
): Promise<Neighbourhood[]> {
  const given = await encode(opened, request, following, 'sri neighbours');
  const among = await splitCodes(opened, { split, limit, draws: request.draws }, following);
  const size = given.latentSize;
  return given.texts.map((text, query) => {
    const code = given.mean.subarray(query * size, (query + 1) * size);
    return { text, neighbours: nearestSentences(opened, code, among, { count, distance }) };
  });
}

/** Sentences of a split with their codes. */
export interface SplitCodes {
  split: SplitName;
  /** Their places in the split, [sentences]. */
  indices: Int32Array;
  /** E_q[z], `[sentences, latentSize]`. */
  mean: Float32Array;
}

/**
 * The mean codes of a split's sentences, by the run's own inference.
 * @throws {InputError} for a method without a code.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function splitCodes(
  opened: OpenRun,
  { split: name, limit, draws }: Pick<NeighboursRequest, 'split' | 'limit' | 'draws'>,
  { signal, onProgress }: Following = {},
): Promise<SplitCodes> {
  const { run, corpus } = opened;
  const split = corpus.splits[name];
  const indices = evaluationSubset(split, limit ?? split.length);
  const { mean } = await inferCodes(
    latentModel(opened, 'sri neighbours'),
    split,
    {
      indices,
      batchSize: run.training.batchSize,
      seed: run.seed,
      draws: draws ?? run.evaluation.inferenceChains,
      signal,
    },
    stage(`codes of ${name}`, onProgress),
  );
  return { split: name, indices, mean };
}

/** Of sentences whose codes are known, those nearest to a code. */
export function nearestSentences(
  { corpus }: Pick<OpenRun, 'corpus'>,
  code: Float32Array,
  { split: name, indices, mean }: SplitCodes,
  { count, distance }: Pick<NeighboursRequest, 'count' | 'distance'>,
): Neighbour[] {
  const split = corpus.splits[name];
  return nearestRows(code, mean, count, distance).map(({ row, distance: away }, i) => {
    const sentence = indices[row]!;
    const label = split.label(sentence);
    return {
      rank: i + 1,
      distance: away,
      sentence,
      text: textOf(corpus, split.sentence(sentence)),
      label: label === null ? null : corpus.labels![label]!,
    };
  });
}

/**
 * The rows of a matrix that are nearest to a vector, the nearest first, and of equally near ones the first.
 * @param rows `[n, vector.length]`.
 * @returns `count` of them, or all n.
 */
export function nearestRows(
  vector: Float32Array,
  rows: Float32Array,
  count: number,
  distance: Distance,
): { row: number; distance: number }[] {
  const size = vector.length;
  const norm = Math.hypot(...vector);
  return Array.from({ length: rows.length / size }, (_, row) => {
    let squares = 0;
    let product = 0;
    let own = 0;
    for (let d = 0; d < size; d++) {
      const [a, b] = [vector[d]!, rows[row * size + d]!];
      squares += (a - b) ** 2;
      product += a * b;
      own += b * b;
    }
    const lengths = norm * Math.sqrt(own);
    // A code of zero has no direction: it is across all others.
    const cosine = lengths === 0 ? 0 : product / lengths;
    return { row, distance: distance === 'euclidean' ? Math.sqrt(squares) : 1 - cosine };
  })
    .sort((a, b) => a.distance - b.distance || a.row - b.row)
    .slice(0, count);
}
