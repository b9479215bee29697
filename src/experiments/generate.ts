// Sentences from nothing but the model, as in Table 3: codes drawn from the prior, and decoded.

import { InputError } from '../errors.js';
import { drawNormals } from '../inference/sentence-noise.js';
import { walkToPrior } from '../inference/tilted-prior.js';
import { GENERATIONS, type Generations } from '../runs/texts.js';
import { type DecodingRequest, decodeTexts, keepTexts, settled } from './decode-texts.js';
import type { OpenRun } from './open-run.js';
import type { Following } from './progress.js';
import { TABLE_3 } from './published.js';

export interface GenerationRequest extends DecodingRequest {
  /** Sentences; ten where absent. */
  count?: number | undefined;
  /** Of the codes; the run's own where absent. */
  seed?: number | undefined;
}

/**
 * Decodes samples of the prior. Sample i is of the same code however many are asked for. Those that are decoded as Table 3
 * is are kept in the run's folder for it: of the run's own seed, greedily, or drawn word by word where there is no code, and
 * not cut shorter.
 * @throws {InputError} where all samples would be the same sentence: a model without a code, not decoded by sampling.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function generateRun(
  opened: OpenRun,
  { count = TABLE_3.count, seed = opened.run.seed, ...request }: GenerationRequest,
  following: Following = {},
): Promise<Generations> {
  const { run, folder, model, provenance } = opened;
  folder.tryWriting('artifacts');
  const { decoding, maxLength } = settled(opened, request);
  if (!model.hasLatent && decoding.method !== 'sample') {
    throw new InputError(
      `${run.method} has no latent code, so ${decoding.method} decoding writes one sentence again and again; ` +
        'give --decode sample',
    );
  }
  const keys = { seed, sentences: Int32Array.from({ length: count }, (_, sample) => sample) };
  const codes = model.hasLatent
    ? walkToPrior(model.prior?.(), drawNormals(keys, 'prior-sample', { from: 0, to: 1, size: model.latentSize }), keys)
    : null;
  const texts = await decodeTexts(opened, codes, count, { decoding, maxLength }, following);
  const items = texts.map((text, i) => ({ sample: i + 1, ...text }));
  const generations = { ...provenance, seed, decode: decoding, maxLength, items };
  const own = model.hasLatent
    ? decoding.method === 'greedy'
    : decoding.method === 'sample' && decoding.temperature === 1;
  if (own && seed === run.seed && request.maxLength === undefined) await keepTexts(opened, GENERATIONS, generations);
  return generations;
}
