// The dropout that inference sees while a method learns. It has streams of its own, so that the loss at what was inferred is
// under other masks.

import { type DropoutMasks, NO_DROPOUT } from '../model/dropout-masks.js';
import type { LatentDecoder, TokenBatch } from '../model/latent-decoder.js';
import type { StreamKey } from '../random/philox.js';

/**
 * The dropout of a batch's chain, one mask for all of its steps; the same for the same key.
 * @param dropout whether the chain sees any.
 * @returns masks that are the caller's to dispose or to hand to a likelihood.
 */
export function chainMasks(
  decoder: LatentDecoder,
  batch: TokenBatch,
  key: Omit<StreamKey, 'purpose'>,
  dropout = true,
): DropoutMasks {
  return dropout ? decoder.masks(batch, 'chain-word-dropout', 'chain-output-dropout', key) : NO_DROPOUT;
}
