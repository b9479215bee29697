// Sentences to codes: what a run's own inference makes of sentences, as numbers for whatever comes next.

import { inferCodes } from '../evaluation/codes.js';
import { textOf } from './decode-texts.js';
import { givenSentences } from './given-sentences.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, type Stage, stage } from './progress.js';

export interface EncodingRequest {
  /** A sentence each. */
  lines: readonly string[];
  /** Where the lines are from, for messages. */
  source: string;
  /** Draws from q(z | x) a sentence, two or more; `evaluation.inferenceChains` where absent. */
  draws?: number | undefined;
}

/** Words of given sentences that the vocabulary has not. */
export interface UnknownGivenWords {
  kind: 'unknown-given-words';
  words: string[];
  /** Whose vocabulary. */
  corpus: string;
}

export interface Encoding {
  latentSize: number;
  /** E_q[z], `[sentences, latentSize]`: exact where q(z | x) is a Gaussian or a point, else the mean of the draws. */
  mean: Float32Array;
  /** sqrt(Var_q[z]) of each dimension, the same shape: exact where q is a Gaussian, else of the draws; 0 of a point. */
  standardDeviation: Float32Array;
  /** The sentences as the model reads them. */
  texts: string[];
}

/**
 * q(z | x) of sentences, by the run's own inference: short runs, an encoder, or what the method has. The noise of a
 * sentence's short runs is keyed by the run's seed and by its words.
 * @param wanted for what, as a complaint names it.
 * @throws {InputError} for a method without a code, and for a line without words.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function encode(
  opened: OpenRun,
  { lines, source, draws }: EncodingRequest,
  { signal, onProgress }: Following<Stage | UnknownGivenWords> = {},
  wanted = 'sri encode',
): Promise<Encoding> {
  const model = latentModel(opened, wanted);
  const { run, corpus } = opened;
  const { split, keys, unknown } = givenSentences(opened, lines, source);
  if (unknown.length > 0) onProgress?.({ kind: 'unknown-given-words', words: unknown, corpus: corpus.name });
  const indices = Int32Array.from({ length: split.length }, (_, i) => i);
  const { mean, standardDeviation } = await inferCodes(
    model,
    split,
    {
      indices,
      batchSize: run.training.batchSize,
      seed: run.seed,
      keys,
      draws: draws ?? run.evaluation.inferenceChains,
      keepSpread: true,
      signal,
    },
    stage('encoding', onProgress),
  );
  const texts = Array.from(indices, (i) => textOf(corpus, split.sentence(i)));
  return { latentSize: model.latentSize, mean, standardDeviation: standardDeviation!, texts };
}
