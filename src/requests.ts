// What a request to the library looks like, checked before anything is done: a caller in JavaScript has no compiler that would
// say that a key is misspelt or a value of another kind. What the values may be is for what takes them to say.

import { z } from 'zod';
import { SPLIT_NAMES } from './data/splits.js';
import { InputError } from './errors.js';

const text = z.string().min(1);
const overrides = z.record(z.string(), z.unknown());
const keys = z.array(z.union([z.string(), z.number()]));

const REQUESTS = {
  prepareCorpus: {
    config: text,
    text: z.union([text, z.strictObject({ train: text, valid: text, test: text })]),
    from: text,
    out: text,
    set: overrides,
  },
  train: { config: text, method: text, seed: z.number(), set: overrides, run: text, runs: text },
  openRun: { weights: text, set: overrides },
  evaluate: {
    metrics: z.array(text),
    split: z.enum(SPLIT_NAMES),
    limit: z.number(),
    estimator: text,
    samples: z.number(),
  },
  encode: { draws: z.number() },
  decode: { decoding: z.looseObject({ method: text }), maxLength: z.number() },
  reproduce: {
    config: text,
    tables: keys,
    figures: keys,
    methods: z.array(text).min(1),
    seeds: z.array(z.number()).min(1),
    set: overrides,
    split: z.enum(SPLIT_NAMES),
    from: text,
    runs: text,
    results: text,
  },
} as const satisfies Record<string, z.ZodRawShape>;

/** What cannot be left out. */
const NEEDED: Partial<Record<keyof typeof REQUESTS, readonly string[]>> = { train: ['config'], reproduce: ['config'] };

/** @throws {InputError} naming the function, the key, and what would be right. */
export function checkRequest(name: keyof typeof REQUESTS, request: unknown): void {
  const known = z.strictObject(REQUESTS[name]).partial();
  const wrong = known.safeParse(request).error?.issues[0];
  if (wrong !== undefined) {
    const at = wrong.path.length === 0 ? '' : `${wrong.path.join('.')}: `;
    const keysThereAre = wrong.code === 'unrecognized_keys' ? `; it has ${Object.keys(REQUESTS[name]).join(', ')}` : '';
    throw new InputError(`${name}: ${at}${wrong.message}${keysThereAre}`);
  }
  const lacking = NEEDED[name]?.find((key) => (request as Record<string, unknown>)[key] === undefined);
  if (lacking !== undefined)
    throw new InputError(`${name}: ${lacking} is missing; it is a file, or the name of one in configs/`);
}
