// The paper's way to perplexity: short-run samples weighted by their density given the chain's noise. The density comes
// from the Jacobian of every step, and is right only where the chain maps its starts one to one.
//
// Mind the weights' tails. A chain that runs long enough to forget its start squeezes all starts into a density far
// narrower than the posterior, and importance weights from a proposal that narrow have no finite variance: the estimate
// is then too low in nearly every sample, and far too high in a rare one. On a Gaussian posterior of precision P with a
// constant step s the variance is finite only if P (1 - s P)^2K > 1/2 in every direction.

import { InputError } from '../../errors.js';
import { logStandardNormal } from '../../inference/path-density.js';
import type { Posterior } from '../../inference/posterior.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { hessianPasses, type ModelSize } from '../cost.js';
import { defineEstimator } from './define-estimator.js';
import type { PerplexityEstimator, SentenceEstimate } from './estimator.js';
import { summarizeWeights } from './importance.js';

/**
 * log p^(x) = log mean_m p(x | z_m) p(z_m) / q(z_m | eps_m), with z_m = z_K of chain m and q of eq. 16-18 of Pang et
 * al. 2021, both of the same chain. No bound where the chain folds space: q then misses preimages and is too small.
 */
export class JacobianEstimator implements PerplexityEstimator {
  readonly name = 'jacobian';
  readonly pathDraws: number;

  /** @param draws M, chains a sentence; the released code of the paper has 10. */
  constructor(readonly draws = 10) {
    this.pathDraws = draws;
  }

  /** Of short runs of its own, whose gradients go forward and back, and a Hessian for each gradient. */
  passes({ gradients, latentSize }: ModelSize): number {
    return this.draws * gradients * (2 + hessianPasses(latentSize));
  }

  estimate(likelihood: ConditionalLikelihood, posterior: Posterior): SentenceEstimate[] {
    const { sentences, latentSize, words } = likelihood;
    const { draws } = this;
    if (posterior.density === null)
      throw new InputError('the estimator jacobian is for methods that infer by short runs');
    const z = posterior.z(draws);
    const nll = posterior.nll(draws);
    const { logDensity, stepsNotPositiveDefinite } = posterior.density(draws);
    return Array.from(words, (wordCount, sentence) => {
      const logWeights = new Float64Array(draws);
      let folding = 0;
      for (let m = 0; m < draws; m++) {
        const row = m * sentences + sentence;
        logWeights[m] = -nll[row]! + logStandardNormal(z, row * latentSize, latentSize) - logDensity[row]!;
        if (stepsNotPositiveDefinite[row]! > 0) folding++;
      }
      const { logMean, ...facts } = summarizeWeights(logWeights);
      return { logLikelihood: logMean, words: wordCount, draws, ...facts, notPositiveDefinite: folding / draws };
    });
  }
}

export const jacobian = defineEstimator({
  name: 'jacobian',
  description: "the paper's: ends of short runs, weighed by their density given the noise; no bound where maps fold",
  needs: ['path-density'],
  draws: 10,
  settings: () => ({}),
  create: ({ draws }) => new JacobianEstimator(draws),
});
