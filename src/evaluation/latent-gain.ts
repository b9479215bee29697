// What the decoder gains from the code: how much less a sentence surprises it when it is told the inferred z rather than
// any z of the prior, in all and at each position. A decoder that has learnt to do without z gains nothing.

import { type Posterior, priorDraws } from '../inference/posterior.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { finiteOrNull } from '../runs/row.js';
import { countNotFinite, divergenceWarnings, type MeasuredQuantity, type Measurement, meanRow } from './measurement.js';
import { SentenceMean } from './statistics.js';

/** E_p(z)[NLL(z)] - E_q(z|x)[NLL(z)], nats a sentence, from as many draws of one as of the other. */
export class LatentGainMeasurement implements Measurement {
  readonly metric = 'gain';
  readonly pathDraws = 0;
  private readonly gain = new SentenceMean();
  private readonly prior = new SentenceMean();
  /** Of each position: the sum over sentences that reach it, and their number. */
  private readonly positions: { sum: number; sentences: number }[] = [];
  private notFinite = 0;
  private inference = '';

  /** @param draws a sentence. */
  constructor(private readonly draws: number) {}

  add(likelihood: ConditionalLikelihood, posterior: Posterior): void {
    const { sentences, latentSize } = likelihood;
    const { draws } = this;
    this.inference = posterior.name;
    const fromPrior = priorDraws(posterior.keys, draws, latentSize);
    const inferred = posterior.z(draws);
    const [before, after] = [fromPrior, inferred].map((z) => this.tokenNll(likelihood, z));
    const tokens = before!.length / sentences;
    const totals = [before!, after!].map((means) =>
      Float64Array.from({ length: sentences }, (_, sentence) => {
        let sum = 0;
        for (let t = 0; t < tokens; t++) sum += means[t * sentences + sentence]!;
        return sum;
      }),
    );
    this.prior.add(totals[0]!, posterior.keys.sentences);
    this.gain.add(
      totals[0]!.map((value, sentence) => value - totals[1]![sentence]!),
      posterior.keys.sentences,
    );
    for (let t = 0; t < tokens; t++) {
      this.positions[t] ??= { sum: 0, sentences: 0 };
      const position = this.positions[t]!;
      position.sentences += sentences;
      for (let sentence = 0; sentence < sentences; sentence++) {
        const at = t * sentences + sentence;
        position.sum += before![at]! - after![at]!;
      }
    }
  }

  result(): MeasuredQuantity {
    const { metric, draws, inference, notFinite } = this;
    const gain = this.gain.result();
    const prior = this.prior.result().value;
    const facts = { nllUnderPrior: prior, share: gain.value / prior };
    return {
      metric,
      estimator: inference,
      ...meanRow(this.gain),
      draws,
      ...(Number.isFinite(prior) && Number.isFinite(gain.value) ? { facts } : {}),
      series: { position: this.positions.map(({ sum, sentences }) => finiteOrNull(sum / sentences)) },
      warnings: divergenceWarnings(notFinite),
    };
  }

  /** Mean over the draws of each token's NLL, `[tokens, sentences]`; a draw at a time, for the memory of it. */
  private tokenNll(likelihood: ConditionalLikelihood, z: Float32Array): Float64Array {
    const size = z.length / this.draws;
    let means: Float64Array | null = null;
    for (let m = 0; m < this.draws; m++) {
      const nll = likelihood.tokenNll(z.subarray(m * size, (m + 1) * size));
      this.notFinite += countNotFinite(nll);
      means ??= new Float64Array(nll.length);
      for (let i = 0; i < nll.length; i++) means[i]! += nll[i]! / this.draws;
    }
    return means!;
  }
}
