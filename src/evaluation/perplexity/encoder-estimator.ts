// Perplexity by importance sampling from the Gaussian that inference gives: the encoder's, or what gradient steps have
// made of it. The usual estimate for amortized models, and like `fitted` in all but where its proposal comes from.
//
// Most draws are the Gaussian's own, so what they alone say comes for nothing: `encoder-alone`, the estimate of Li et al. 2019
// and He et al. 2019. Where the Gaussian is narrower than the posterior, as with free bits, its weights have no bound and its
// perplexity is the higher.

import { Matrix } from 'ml-matrix';
import { DEFAULTS } from '../../config/schema.js';
import { InputError } from '../../errors.js';
import type { Posterior } from '../../inference/posterior.js';
import { can } from '../../methods/capability.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { defineEstimator } from './define-estimator.js';
import type { PerplexityEstimator, SentenceEstimate } from './estimator.js';
import { DefensiveMixture, drawFrom, priorDraws, proposalStream, type WeighedDraws, weigh } from './importance.js';
import { GaussianProposal } from './proposals.js';

/** What rows call the estimator where no draw is the prior's. */
export const ENCODER_ALONE = 'encoder-alone';

/** A batch's draws, and the densities that they came from, one for each sentence. */
interface Drawn {
  draws: WeighedDraws;
  gaussians: GaussianProposal[];
  mixtures: DefensiveMixture[];
}

/** Importance sampling from the defensive mixture of q(z | x) and the prior. */
export class EncoderEstimator implements PerplexityEstimator {
  readonly name: string;
  readonly pathDraws = 0;
  readonly beside?: PerplexityEstimator;
  /** Draws of the batches at hand, for the estimate beside this one. */
  private readonly drawn = new WeakMap<Posterior, Drawn>();

  /**
   * @param draws M, importance draws a sentence.
   * @param priorShare of them that come from the prior, from 0 to below 1; with 0, this is `encoder-alone`.
   */
  constructor(
    readonly draws: number,
    private readonly priorShare = DEFAULTS.evaluation.priorShare,
  ) {
    this.name = priorShare === 0 ? ENCODER_ALONE : 'encoder';
    const fromPrior = priorDraws(priorShare, draws);
    // A weight has no spread by itself.
    if (fromPrior === 0 || draws - fromPrior < 2) return;
    this.beside = {
      name: ENCODER_ALONE,
      draws: draws - fromPrior,
      pathDraws: 0,
      passes: () => 0,
      estimate: (likelihood, posterior) => {
        const { draws: all, gaussians } = this.draw(likelihood, posterior);
        return weigh(likelihood, all, gaussians, fromPrior);
      },
    };
  }

  passes(): number {
    return this.draws;
  }

  /** @throws InputError where q is no Gaussian. */
  estimate(likelihood: ConditionalLikelihood, posterior: Posterior): SentenceEstimate[] {
    const { draws, mixtures } = this.draw(likelihood, posterior);
    return weigh(likelihood, draws, mixtures);
  }

  private draw(likelihood: ConditionalLikelihood, posterior: Posterior): Drawn {
    const before = this.drawn.get(posterior);
    if (before !== undefined) return before;
    const { gaussian, keys } = posterior;
    if (gaussian === null) throw new InputError('the estimator encoder is for methods with an encoder of a Gaussian');
    const { sentences, latentSize } = likelihood;
    const gaussians = Array.from({ length: sentences }, (_, sentence) => {
      const own = (values: Float32Array) =>
        Float64Array.from(values.subarray(sentence * latentSize, (sentence + 1) * latentSize));
      const logVariance = own(gaussian.logVariance);
      // What has no spread has no place either: its weights are NaN and counted, as those of a NaN mean are.
      const mean = own(gaussian.mean).map((value, d) => (Number.isNaN(logVariance[d]) ? Number.NaN : value));
      return new GaussianProposal(mean, Matrix.diag([...logVariance.map(varianceOf)]));
    });
    const mixtures = gaussians.map((proposal, sentence) => {
      const stream = proposalStream(keys, sentence);
      return new DefensiveMixture(proposal, latentSize, this.priorShare, this.draws, stream);
    });
    const drawn = { draws: drawFrom(likelihood, mixtures, this.draws), gaussians, mixtures };
    this.drawn.set(posterior, drawn);
    return drawn;
  }
}

/** Its exponential and that of its negative are numbers still. */
const MOST_LOG_VARIANCE = 700;

/** exp(logVariance), within what a variance can be; 1 of NaN, by which no matrix could be taken apart. */
function varianceOf(logVariance: number): number {
  if (Number.isNaN(logVariance)) return 1;
  return Math.exp(Math.min(Math.max(logVariance, -MOST_LOG_VARIANCE), MOST_LOG_VARIANCE));
}

export const encoder = defineEstimator({
  name: 'encoder',
  description: "importance draws from the encoder's Gaussian, a share of them from the prior",
  needs: ['gaussian'],
  draws: DEFAULTS.evaluation.draws.encoder,
  isUsual: (inference) => can(inference, 'gaussian'),
  rowName: ({ priorShare }) => (priorShare === 0 ? ENCODER_ALONE : 'encoder'),
  // What the Gaussian alone says is the same by whichever share it came.
  settings: ({ priorShare }) => (priorShare === 0 ? {} : { priorShare }),
  create: ({ draws, evaluation: { priorShare } }) => new EncoderEstimator(draws, priorShare),
});
