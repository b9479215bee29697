// Sentences that a run has written, as they lie among its artifacts: what `sri generate` and `sri interpolate` keep and
// Tables 2 and 3 read.

import path from 'node:path';
import { z } from 'zod';
import type { Decoding } from '../model/decoding.js';
import { JsonFormat, measuredNumber } from './json-format.js';
import { isOfSelected, type MeasuredRun } from './measured-run.js';
import { provenance } from './row.js';
import { RunFolder } from './run-folder.js';

const decodedText = z.strictObject({
  /** Words with spaces between. */
  text: z.string(),
  /** False where the length limit cut the sentence. */
  ended: z.boolean(),
  /** log p(x | z), nats; of the words alone where they were cut. */
  logProbability: measuredNumber,
});
export type DecodedText = z.infer<typeof decodedText>;

const decoding: z.ZodType<Decoding> = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('greedy') }),
  z.strictObject({ method: z.literal('sample'), temperature: z.number(), seed: z.int() }),
  z.strictObject({ method: z.literal('beam'), width: z.int(), lengthPower: z.number() }),
]);

/** What made some texts. */
const textProvenance = {
  ...provenance,
  seed: z.int(),
  decode: decoding,
  /** Words. */
  maxLength: z.int(),
};

const generatedText = decodedText.extend({
  /** From 1. */
  sample: z.int(),
});
export type GeneratedText = z.infer<typeof generatedText>;

const generations = z.strictObject({ ...textProvenance, items: z.array(generatedText) });
export type Generations = z.infer<typeof generations>;

const interpolatedText = decodedText.extend({
  /** From 1. */
  pair: z.int(),
  /** From 1. */
  point: z.int(),
  /** Of the way from the first end to the second, 0 to 1. */
  position: z.number(),
});
export type InterpolatedText = z.infer<typeof interpolatedText>;

const interpolations = z.strictObject({
  ...textProvenance,
  path: z.enum(['straight', 'spherical']),
  /** The user's sentences at the ends, as the model reads them; null between samples of the prior. */
  between: z.strictObject({ from: z.string(), to: z.string() }).nullable(),
  items: z.array(interpolatedText),
});
export type Interpolations = z.infer<typeof interpolations>;

/** Texts as they lie in a run's folder: the file's name among the artifacts, and what it holds. */
export interface TextArtifact<Texts extends object> {
  file: string;
  format: JsonFormat<Texts>;
}

export const GENERATIONS: TextArtifact<Generations> = {
  file: 'generations.json',
  format: new JsonFormat('list of generations', 2, generations, 'write it again with sri generate'),
};
export const INTERPOLATIONS: TextArtifact<Interpolations> = {
  file: 'interpolations.json',
  format: new JsonFormat('list of interpolations', 2, interpolations, 'write it again with sri interpolate'),
};

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
 * The texts that a run has kept of its present best weights; null where there are none, or training that went on since has
 * left them behind.
 * @throws {InputError} for an artifact that is none.
 */
export function keptTexts<Texts extends Generations | Interpolations>(
  { directory, manifest }: Pick<MeasuredRun, 'directory' | 'manifest'>,
  { file, format }: TextArtifact<Texts>,
): Texts | null {
  const content = new RunFolder(directory).artifact(file);
  if (content === null) return null;
  const texts = format.read(content, path.join(directory, 'artifacts', file));
  return isOfSelected(texts, manifest) ? texts : null;
}
