// Which sentences of a corpus lie nearest to given ones in the space of codes.

import { evaluationSubset } from '../data/batches.js';
import type { SplitName } from '../data/corpus.js';
import { inferCodes } from '../evaluation/codes.js';
import { textOf } from './decode-texts.js';
import { type EncodingRequest, encode, type UnknownGivenWords } from './encode.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, type Stage, stage } from './progress.js';

export const DISTANCES = ['euclidean', 'cosine'] as const;
/** Between mean codes: |a - b|, or 1 - a b / (|a| |b|). */
export type Distance = (typeof DISTANCES)[number];

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
  { split: name, limit, count, distance, ...request }: NeighboursRequest,
  { signal, onProgress }: Following<Stage | UnknownGivenWords> = {},
): Promise<Neighbourhood[]> {
  const model = latentModel(opened, 'sri neighbours');
  const { run, corpus } = opened;
  const given = await encode(opened, request, { signal, onProgress });
  const split = corpus.splits[name];
  const indices = evaluationSubset(split, limit ?? split.length);
  const { mean } = await inferCodes(
    model,
    split,
    {
      indices,
      batchSize: run.training.batchSize,
      seed: run.seed,
      draws: request.draws ?? run.evaluation.inferenceChains,
      signal,
    },
    stage(`codes of ${name}`, onProgress),
  );
  const size = given.latentSize;
  return given.texts.map((text, query) => {
    const code = given.mean.subarray(query * size, (query + 1) * size);
    const nearest = nearestRows(code, mean, count, distance);
    return {
      text,
      neighbours: nearest.map(({ row, distance: away }, i) => {
        const sentence = indices[row]!;
        const label = split.label(sentence);
        return {
          rank: i + 1,
          distance: away,
          sentence,
          text: textOf(corpus, split.sentence(sentence)),
          label: label === null ? null : corpus.labels![label]!,
        };
      }),
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
    return { row, distance: distance === 'euclidean' ? Math.sqrt(squares) : 1 - product / (norm * Math.sqrt(own)) };
  })
    .sort((a, b) => a.distance - b.distance || a.row - b.row)
    .slice(0, count);
}
