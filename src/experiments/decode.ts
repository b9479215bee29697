// Codes to sentences: the other way from `encode`.

import { InputError } from '../errors.js';
import type { DecodedText } from '../runs/texts.js';
import { type DecodingRequest, decodeTexts, settled } from './decode-texts.js';
import { latentModel, type OpenRun } from './open-run.js';
import type { Following } from './progress.js';

/** Vectors, as they come from a file. */
export interface GivenCodes {
  /** `[count, size]`, row-major. */
  data: Float32Array;
  size: number;
  /** Where they are from, for messages. */
  source: string;
}

/**
 * A sentence for each code. A sampled sentence's noise is keyed by the decoding's seed and the code's place.
 * @throws {InputError} for a method without a code, and for codes of another size than the run's or that are not finite.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function decode(
  opened: OpenRun,
  { data, size, source }: GivenCodes,
  request: DecodingRequest = {},
  following: Following = {},
): Promise<DecodedText[]> {
  checkCodes(opened, { data, size, source });
  return decodeTexts(opened, data, data.length / size, settled(opened, request), following);
}

/** @throws {InputError} for a method without a code, and for codes of another size than the run's or that are not finite. */
export function checkCodes(
  opened: Pick<OpenRun, 'model' | 'run' | 'folder'>,
  { data, size, source }: GivenCodes,
): void {
  const { latentSize } = latentModel(opened, 'sri decode');
  if (size !== latentSize) {
    throw new InputError(
      `${source}: vectors of ${size} numbers, where ${opened.folder.directory} has codes of ${latentSize}`,
    );
  }
  const bad = data.findIndex((number) => !Number.isFinite(number));
  if (bad === -1) return;
  throw new InputError(`${source}: vector ${Math.floor(bad / size) + 1}: ${data[bad]} is no number to decode`);
}
