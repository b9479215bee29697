// Importance sampling, seen from its weights: what they say of the integral, and how far they can be trusted.

export interface WeightSummary {
  /** log of the mean weight, the estimate of log p(x); nats. */
  logMean: number;
  /** (sum w)^2 / sum w^2: how many equally weighted draws would be as good; from 1 to the number of draws. */
  effectiveSampleSize: number;
  /** Of `logMean`, by the delta method; too small where the effective sample size is a handful. */
  standardError: number;
  /** Weights that are not a number or infinite. They count as zero, so that they cannot raise the estimate. */
  notFinite: number;
}

/** Summary of importance weights given as logarithms (Owen, "Monte Carlo theory, methods and examples", chapter 9). */
export function summarizeWeights(logWeights: ArrayLike<number>): WeightSummary {
  const draws = logWeights.length;
  let largest = Number.NEGATIVE_INFINITY;
  let notFinite = 0;
  for (let m = 0; m < draws; m++) {
    const logWeight = logWeights[m]!;
    if (Number.isNaN(logWeight) || logWeight === Number.POSITIVE_INFINITY) notFinite++;
    else if (logWeight > largest) largest = logWeight;
  }
  if (largest === Number.NEGATIVE_INFINITY) {
    return { logMean: largest, effectiveSampleSize: 0, standardError: Number.NaN, notFinite };
  }
  let sum = 0;
  let squares = 0;
  for (let m = 0; m < draws; m++) {
    const logWeight = logWeights[m]!;
    if (!(logWeight <= largest)) continue;
    const weight = Math.exp(logWeight - largest);
    sum += weight;
    squares += weight * weight;
  }
  const effectiveSampleSize = (sum * sum) / squares;
  return {
    logMean: largest + Math.log(sum / draws),
    effectiveSampleSize,
    standardError: Math.sqrt(((1 / effectiveSampleSize - 1 / draws) * draws) / (draws - 1)),
    notFinite,
  };
}
