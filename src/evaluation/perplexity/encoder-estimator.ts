// Perplexity by importance sampling from the Gaussian that inference gives: the encoder's, or what gradient steps have
// made of it. The usual estimate for amortized models, and like `fitted` in all but where its proposal comes from.

import { Matrix } from 'ml-matrix';
import { InputError } from '../../errors.js';
import type { Posterior } from '../../inference/posterior.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { FITTED_DEFAULTS } from './fitted-estimator.js';
import { DefensiveMixture, estimateByImportance, proposalStream } from './importance.js';
import type { PerplexityEstimator, SentenceEstimate } from './perplexity.js';
import { GaussianProposal } from './proposals.js';

/** Importance sampling from the defensive mixture of q(z | x) and the prior. */
export class EncoderEstimator implements PerplexityEstimator {
  readonly name = 'encoder';
  readonly pathDraws = 0;

  /**
   * @param draws M, importance draws a sentence.
   * @param priorShare of them, that `fitted` takes from the prior too.
   */
  constructor(
    readonly draws: number,
    private readonly priorShare = FITTED_DEFAULTS.priorShare,
  ) {}

  /** @throws InputError where q is no Gaussian. */
  estimate(likelihood: ConditionalLikelihood, { gaussian, keys }: Posterior): SentenceEstimate[] {
    if (gaussian === null) throw new InputError('the estimator encoder is for methods with an encoder of a Gaussian');
    const { sentences, latentSize } = likelihood;
    const proposals = Array.from({ length: sentences }, (_, sentence) => {
      const own = (values: Float32Array) =>
        Float64Array.from(values.subarray(sentence * latentSize, (sentence + 1) * latentSize));
      const covariance = Matrix.diag([...own(gaussian.logVariance).map(Math.exp)]);
      const proposal = new GaussianProposal(own(gaussian.mean), covariance);
      return new DefensiveMixture(proposal, latentSize, this.priorShare, this.draws, proposalStream(keys, sentence));
    });
    return estimateByImportance(likelihood, proposals, this.draws);
  }
}
