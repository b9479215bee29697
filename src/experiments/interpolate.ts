// Sentences along the way from one code to another, as in Table 2: between samples of the prior, or between two sentences
// of somebody's own.

import { InputError } from '../errors.js';
import { inferCodes } from '../evaluation/codes.js';
import type { LatentModel } from '../evaluation/evaluated-model.js';
import { interpolate, type Path } from '../evaluation/interpolation.js';
import { drawNormals } from '../inference/sentence-noise.js';
import { walkToPrior } from '../inference/tilted-prior.js';
import { INTERPOLATIONS, type Interpolations } from '../runs/texts.js';
import { type DecodingRequest, decodeTexts, keepTexts, settled, textOf } from './decode-texts.js';
import { givenSentence, splitOf } from './given-sentences.js';
import { latentModel, type OpenRun } from './open-run.js';
import type { Following, Stage } from './progress.js';
import { TABLE_2 } from './published.js';

export interface InterpolationRequest extends DecodingRequest {
  /** Pairs of samples of the prior; three where absent. */
  pairs?: number | undefined;
  /** From end to end, both included; five where absent. */
  points?: number | undefined;
  /** Straight where absent, as in the paper. */
  path?: Path | undefined;
  /** Two sentences of the user's own, in place of samples. */
  between?: { from: string; to: string } | undefined;
}

/** Words of a sentence at an end that the vocabulary has not. */
export interface UnknownWords {
  kind: 'unknown-words';
  end: 'from' | 'to';
  words: string[];
  /** Whose vocabulary. */
  corpus: string;
}

type InterpolationEvent = Stage | UnknownWords;

/**
 * Decodes the points between codes. Between samples of the prior a pair is the same however many are asked for,
 * and what is made as Table 2 is - greedily, in a straight line, with its number of points, not cut shorter - is kept in the
 * run's folder for it. Between two sentences the ends are E_q[z], so the first and the last
 * text are their reconstructions.
 * @throws {InputError} for a method without a latent code, and for a sentence without words.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function interpolateRun(
  opened: OpenRun,
  { pairs = TABLE_2.pairs, points = TABLE_2.points, path = 'straight', between, ...request }: InterpolationRequest,
  following: Following<InterpolationEvent> = {},
): Promise<Interpolations> {
  const model = latentModel(opened, 'sri interpolate');
  const { run, folder, provenance } = opened;
  folder.tryWriting('artifacts');
  const { decoding, maxLength } = settled(opened, request);
  const ends =
    between === undefined ? priorEnds(model, run.seed, pairs) : await inferredEnds(opened, model, between, following);
  const codes = Float32Array.from(ends.pairs.flatMap(([from, to]) => [...interpolate(from, to, points, path)]));
  const count = ends.pairs.length * points;
  const texts = await decodeTexts(opened, codes, count, { decoding, maxLength }, following);
  const items = texts.map((text, i) => {
    const point = i % points;
    return { pair: Math.floor(i / points) + 1, point: point + 1, position: point / (points - 1), ...text };
  });
  const made = { ...provenance, seed: run.seed, decode: decoding, maxLength };
  const interpolations = { ...made, path, between: ends.between, items };
  const own = decoding.method === 'greedy' && path === 'straight' && points === TABLE_2.points;
  if (between === undefined && own && request.maxLength === undefined)
    await keepTexts(opened, INTERPOLATIONS, interpolations);
  return interpolations;
}

interface Ends {
  /** Codes, `[latentSize]` each. */
  pairs: (readonly [from: Float32Array, to: Float32Array])[];
  between: Interpolations['between'];
}

/** Two independent samples of the prior a pair. */
function priorEnds({ latentSize, prior }: LatentModel, seed: number, pairs: number): Ends {
  const keys = { seed, sentences: Int32Array.from({ length: pairs }, (_, pair) => pair) };
  const start = drawNormals(keys, 'interpolation-end', { from: 0, to: 2, size: latentSize });
  const samples = walkToPrior(prior?.(), start, keys);
  const code = (end: number, pair: number) => {
    const at = (end * pairs + pair) * latentSize;
    return samples.subarray(at, at + latentSize);
  };
  return { pairs: Array.from({ length: pairs }, (_, pair) => [code(0, pair), code(1, pair)]), between: null };
}

/** E_q[z] of the two sentences, by the run's own inference. */
async function inferredEnds(
  { run, corpus }: OpenRun,
  model: LatentModel,
  { from, to }: NonNullable<InterpolationRequest['between']>,
  { signal, onProgress }: Following<InterpolationEvent>,
): Promise<Ends> {
  const [first, second] = [encoded(corpus, 'from', from, onProgress), encoded(corpus, 'to', to, onProgress)];
  const { split, keys } = splitOf([first, second]);
  const { mean } = await inferCodes(model, split, {
    indices: Int32Array.of(0, 1),
    batchSize: 2,
    seed: run.seed,
    keys,
    draws: run.evaluation.inferenceChains,
    signal,
  });
  return {
    pairs: [[mean.subarray(0, model.latentSize), mean.subarray(model.latentSize)]],
    between: { from: textOf(corpus, first), to: textOf(corpus, second) },
  };
}

/** @throws {InputError} naming the end whose sentence has no words. */
function encoded(
  corpus: OpenRun['corpus'],
  end: UnknownWords['end'],
  text: string,
  onProgress?: (event: UnknownWords) => void,
): Int32Array {
  const { ids, unknown } = givenSentence(corpus, text);
  if (ids.length === 0) {
    throw new InputError(`--${end} ${JSON.stringify(text)}: no words; give a sentence, with spaces between its words`);
  }
  if (unknown.length > 0) onProgress?.({ kind: 'unknown-words', end, words: unknown, corpus: corpus.name });
  return ids;
}
