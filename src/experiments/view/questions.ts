// What may be asked of a trained run while one looks at it: a question is JSON from somebody who is not trusted, an answer
// is what the page shows. Nothing that is asked changes a file.

import { z } from 'zod';
import { InputError } from '../../errors.js';
import { cut } from '../../text.js';

/** Characters of a sentence that is asked about, and numbers of a code. */
const LONGEST_TEXT = 2000;
const LARGEST_CODE = 4096;

const sentence = z.string().max(LONGEST_TEXT).regex(/\S/, 'no words; type a sentence');
const code = z.array(z.number()).min(1).max(LARGEST_CODE);
/** Somewhere in the space of codes: where a sentence's mean code lies, or the code itself. */
const place = z.union([z.strictObject({ text: sentence }), z.strictObject({ code })], {
  error: 'wanted: { "text": a sentence } or { "code": [numbers] }',
});
export type Place = z.infer<typeof place>;

/** The run's folder, as the page names it. */
const run = z.string().max(4096);

const questionSchema = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.literal('encode'), run, text: sentence }),
  /** A code of the prior; the same for the same number. */
  z.strictObject({
    ask: z.literal('sample'),
    run,
    number: z
      .int()
      .min(0)
      .max(2 ** 31),
  }),
  z.strictObject({
    ask: z.literal('decode'),
    run,
    code,
    how: z.enum(['greedy', 'sample', 'beam']).default('greedy'),
    /** Of samples. */
    temperature: z.number().min(0.01).max(100).default(1),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31)
      .default(0),
  }),
  z.strictObject({
    ask: z.literal('interpolate'),
    run,
    from: place,
    to: place,
    points: z.int().min(2).max(50).default(7),
  }),
  z.strictObject({
    ask: z.literal('neighbours'),
    run,
    of: place,
    split: z.enum(['train', 'valid', 'test']).default('test'),
    /** Sentences that are looked among, drawn at random. */
    limit: z.int().min(1).max(100_000).default(500),
    count: z.int().min(1).max(100).default(8),
  }),
]);
export type Question = z.infer<typeof questionSchema>;

/** @throws {InputError} saying which key is wrong, and how. */
export function parseQuestion(value: unknown): Question {
  const parsed = questionSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new InputError(`no question: ${path.length === 0 ? '' : `${cut(path.join('.'))}: `}${cut(message, 200)}`);
}

export interface Encoded {
  /** The sentence as the model reads it. */
  text: string;
  /** Words that its vocabulary has not. */
  unknown: string[];
  /** E_q[z] and sqrt(Var_q[z]), [latentSize]. */
  mean: number[];
  standardDeviation: number[];
}

/** What each question is answered with. */
export interface Answers {
  encode: Encoded;
  sample: { code: number[] };
  decode: { text: string };
  /** From end to end, both included. */
  interpolate: { texts: string[] };
  neighbours: {
    /** Of how many sentences they are the nearest. */
    among: number;
    neighbours: { distance: number; text: string; label: string | null }[];
  };
}
export type Answer = Answers[keyof Answers];
