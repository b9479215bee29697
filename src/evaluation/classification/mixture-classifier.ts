// Classification without labels: do the codes of sentences fall into groups, and are the groups the classes? A mixture of
// as many Gaussians as there are classes is fitted to the codes of training items, whose labels nobody looks at, and one
// validation item then gives each Gaussian its name.
//
// This is the protocol of Li et al. 2019, which Pang et al. 2021 follow in Table 5: PCA to 4 dimensions and the mixture
// are fitted on training items, names come from validation items, and only the accuracy is measured on test items.

import { PCA } from 'ml-pca';
import { fitMixture, type GaussianMixture, logSumExp, type MixtureFit } from './gaussian-mixture.js';

/** What a classifier is given: codes with their classes. */
export interface Features {
  /** E_q[z] of each item, `[items, latentSize]`. */
  codes: Float32Array;
  /** Class of each item, from 0; [items]. */
  labels: Int32Array;
}

export interface MixtureClassification {
  /** The class of each item, by the name of its component; [items]. */
  predicted: Int32Array;
  /** What `predicted` would be if a component's name were the commonest class of the validation items that fall to it. */
  predictedByMajority: Int32Array;
  /** The class that each component is named by; two may bear the same. */
  names: Int32Array;
  fit: MixtureFit;
}

export interface MixtureOptions {
  latentSize: number;
  classes: number;
  seed: number;
  /** Dimensions that PCA keeps, where the codes have more. */
  principalComponents: number;
  /** Starts of the mixture, of which the one with the best likelihood counts. */
  mixtureStarts: number;
}

/**
 * @param train codes that the components are fitted to, `[items, latentSize]`, at least as many as classes.
 * @param valid items that name the components, at least one.
 * @param items codes to classify, `[items, latentSize]`.
 */
export function classifyByMixture(
  train: Float32Array,
  valid: Features,
  items: Float32Array,
  { latentSize, classes, seed, principalComponents, mixtureStarts }: MixtureOptions,
): MixtureClassification {
  const size = Math.min(principalComponents, latentSize);
  const project = fitPrincipalComponents(train, latentSize, size);
  const fit = fitMixture(project(train), size, classes, { seed, restarts: mixtureStarts });
  const named = project(valid.codes);
  const names = surestItems(fit.mixture, named).map((item) => valid.labels[item]!);
  const majority = commonestClasses(fit.mixture.assign(named), valid.labels, classes);
  const assigned = fit.mixture.assign(project(items));
  return {
    predicted: assigned.map((component) => names[component]!),
    predictedByMajority: assigned.map((component) => majority[component]!),
    names,
    fit,
  };
}

/**
 * The projection on the directions in which the given codes vary most, their mean at 0.
 * @param codes `[items, latentSize]`.
 * @returns a function from `[items, latentSize]` to `[items, kept]`.
 */
export function fitPrincipalComponents(
  codes: Float32Array,
  latentSize: number,
  kept: number,
): (codes: Float32Array) => Float32Array {
  // By the covariance, Z x Z: the singular values of the codes themselves would be fewer where there are fewer items, and of
  // codes that repeat exactly the library's search for them may not end.
  const pca = new PCA(rowsOf(codes, latentSize), { method: 'covarianceMatrix' });
  return (others) => Float32Array.from(pca.predict(rowsOf(others, latentSize), { nComponents: kept }).to1DArray());
}

/** The rows of a flat `[rows, size]`, as the libraries for classical methods take them. */
export function rowsOf(values: Float32Array, size: number): number[][] {
  return Array.from({ length: values.length / size }, (_, row) =>
    Array.from(values.subarray(row * size, (row + 1) * size)),
  );
}

/**
 * Of each component, the item with the highest p(component | item), as Li et al. 2019 name clusters. Far out the probability is
 * one in floating point for many items: of those the first counts, as in the source.
 */
export function surestItems(mixture: GaussianMixture, points: Float32Array): Int32Array {
  const count = mixture.components.length;
  const joint = mixture.logJoint(points);
  const surest = new Int32Array(count);
  const highest = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  for (let item = 0; item * count < joint.length; item++) {
    const ofItem = joint.subarray(item * count, (item + 1) * count);
    const total = logSumExp(ofItem);
    for (let k = 0; k < count; k++) {
      const responsibility = Math.exp(ofItem[k]! - total);
      if (responsibility > highest[k]!) {
        highest[k] = responsibility;
        surest[k] = item;
      }
    }
  }
  return surest;
}

/** Of each component, the class that most of its items have; class 0 where it has none. */
function commonestClasses(assigned: Int32Array, labels: Int32Array, count: number): Int32Array {
  const counts = Array.from({ length: count }, () => new Int32Array(count));
  assigned.forEach((component, item) => {
    counts[component]![labels[item]!]!++;
  });
  return Int32Array.from(counts, (ofComponent) => ofComponent.indexOf(Math.max(...ofComponent)));
}
