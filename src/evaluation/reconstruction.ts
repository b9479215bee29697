// Reconstruction: how well the model says a sentence back from what it inferred of it.

import { type MeanEstimate, meanOverDraws, SentenceMean } from './statistics.js';

/** Recon = mean over sentences x of E_q[-log p(x | z)], nats a sentence, from samples z ~ q(z | x). */
export class Reconstruction {
  private readonly mean = new SentenceMean();

  /** @param nll of draws of some sentences, `[draws * sentences]`. */
  add(nll: Float32Array, sentences: number): void {
    this.mean.add(meanOverDraws(nll, sentences));
  }

  result(): MeanEstimate {
    return this.mean.result();
  }
}
