// Sentences that a run has written, as they lie among its artifacts: what `sri generate` and `sri interpolate` keep and
// Tables 2 and 3 read.

import { InputError } from '../errors.js';
import type { Path } from '../evaluation/interpolation.js';
import type { Decoding } from '../model/decoding.js';
import type { MeasuredRow } from './measured-run.js';

/** Names of the artifacts. */
export const GENERATIONS = 'generations.json';
export const INTERPOLATIONS = 'interpolations.json';

export interface DecodedText {
  /** Words with spaces between. */
  text: string;
  /** False where the length limit cut the sentence. */
  ended: boolean;
  /** log p(x | z), nats; of the words alone where they were cut. */
  logProbability: number;
}

/** What made some texts. */
export interface TextProvenance extends Pick<MeasuredRow, 'epoch' | 'backend' | 'threads' | 'commit'> {
  seed: number;
  decode: Decoding;
  /** Words. */
  maxLength: number;
}

export interface GeneratedText extends DecodedText {
  /** From 1. */
  sample: number;
}

export interface Generations extends TextProvenance {
  items: GeneratedText[];
}

export interface InterpolatedText extends DecodedText {
  /** From 1. */
  pair: number;
  /** From 1. */
  point: number;
  /** Of the way from the first end to the second, 0 to 1. */
  position: number;
}

export interface Interpolations extends TextProvenance {
  path: Path;
  /** The user's sentences at the ends, as the model reads them; null between samples of the prior. */
  between: { from: string; to: string } | null;
  items: InterpolatedText[];
}

/** A text as tables and lists print it: one that was cut, or has no words, says so. */
export function shownText({ text, ended }: Pick<DecodedText, 'text' | 'ended'>): string {
  const words = text === '' ? '[no words]' : text;
  return ended ? words : `${words} [cut]`;
}

/** `greedy`, `sampling at temperature 0.8`, `beam of 5`. */
export function describeDecoding(decoding: Decoding): string {
  switch (decoding.method) {
    case 'greedy':
      return 'greedy';
    case 'sample':
      return `sampling at temperature ${decoding.temperature}`;
    case 'beam':
      return `beam of ${decoding.width}${decoding.lengthPower === 0 ? '' : `, length power ${decoding.lengthPower}`}`;
  }
}

/**
 * Reads an artifact of texts.
 * @param file its name, for messages.
 * @throws {InputError} where it is none.
 */
export function parseTexts<Texts extends Generations | Interpolations>(content: string, file: string): Texts {
  let given: Partial<Texts> | null;
  try {
    given = JSON.parse(content);
  } catch (error) {
    throw new InputError(`${file}: not valid JSON: ${(error as Error).message}`);
  }
  const whole = typeof given?.epoch === 'number' && typeof given.decode?.method === 'string';
  if (!whole || !Array.isArray(given?.items) || !given.items.every(({ text }) => typeof text === 'string')) {
    throw new InputError(
      `${file}: epoch, decode or texts are missing; write it again with sri generate or interpolate`,
    );
  }
  return given as Texts;
}
