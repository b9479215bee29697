// Codes as sentences, for whatever wants to read them, and where they are kept.

import { type Decoding, type DecodingSettings, decodeSentences } from '../model/decoding.js';
import type { DecodedText, TextArtifact } from '../runs/texts.js';
import type { OpenRun } from './open-run.js';
import { type Following, stage } from './progress.js';

/** How to decode where a caller may leave it open. */
export interface DecodingRequest {
  /** Greedy where absent, as in the paper. */
  decoding?: Decoding | undefined;
  /** Words; those of the longest training sentence where absent. */
  maxLength?: number | undefined;
}

/**
 * The sentences of some codes, `[count, latentSize]`, in words.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function decodeTexts(
  { decoder, corpus }: OpenRun,
  codes: Float32Array | null,
  count: number,
  { decoding, maxLength }: DecodingSettings,
  { signal, onProgress }: Following = {},
): Promise<DecodedText[]> {
  const options = { decoding, maxLength, signal };
  const sentences = await decodeSentences(decoder, codes, count, options, stage('decoding', onProgress));
  return sentences.map(({ words, ended, logProbability }) => ({
    text: textOf(corpus, words),
    ended,
    logProbability,
  }));
}

/** Ids as words with spaces between. */
export function textOf({ vocabulary }: OpenRun['corpus'], ids: Int32Array): string {
  return Array.from(ids, (id) => vocabulary.word(id)).join(' ');
}

/** What was asked for, with what was left open decided. */
export function settled({ corpus }: OpenRun, { decoding, maxLength }: DecodingRequest): DecodingSettings {
  return {
    decoding: decoding ?? { method: 'greedy' },
    maxLength: maxLength ?? corpus.statistics.splits.train.maxLength,
  };
}

/**
 * Keeps a result among the artifacts of the run, where tables find it. Of other weights than the run's own
 * (`training.select`) there is nothing to keep: tables are of those.
 */
export async function keepTexts<Texts extends object>(
  { folder, epoch }: OpenRun,
  { file, format }: TextArtifact<Texts>,
  texts: Texts,
): Promise<void> {
  if (epoch !== folder.manifest()?.selectedEpoch) return;
  await folder.writeArtifact(file, format.write(texts));
}
