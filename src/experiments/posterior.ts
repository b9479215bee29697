// Figure 1 of a trained run - where the codes of many sentences lie, beside the prior - as pictures, samples and numbers.

import path from 'node:path';
import { evaluationSubset } from '../data/batches.js';
import type { SplitName } from '../data/corpus.js';
import { aggregatePosterior } from '../evaluation/aggregate-posterior.js';
import { inferCodes } from '../evaluation/codes.js';
import { ITERATIONS, usedPerplexity } from '../evaluation/t-sne.js';
import { marginalDensities } from '../report/figures/marginal-densities.js';
import { posteriorScatter } from '../report/figures/posterior-scatter.js';
import { methodLabel } from '../report/table.js';
import { POSTERIOR, POSTERIOR_SUMMARY, type PosteriorSummary, posteriorCsv } from '../runs/posterior.js';
import { textOf } from './decode-texts.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, stage } from './progress.js';

export interface PosteriorRequest {
  /** Drawn by seed; all of a split that has no more. */
  sentences: number;
  split: SplitName;
}

/**
 * Draws one code of each of some sentences, describes them beside the prior, and keeps all of it among the run's
 * artifacts.
 * @returns the numbers, and the files in the order of their making.
 * @throws {InputError} for a method without a latent code, or one whose inference diverged.
 * @throws {InterruptedError} where the signal asked to stop; nothing was written then.
 */
export async function posteriorRun(
  opened: OpenRun,
  { sentences, split: name }: PosteriorRequest,
  { signal, onProgress }: Following = {},
): Promise<{ summary: PosteriorSummary; files: string[] }> {
  const { run, folder, corpus, provenance } = opened;
  const model = latentModel(opened, 'sri posterior');
  const { latentSize } = model;
  const { seed } = run;
  const split = corpus.splits[name];
  const indices = evaluationSubset(split, sentences);
  const labels = corpus.labels && Array.from(indices, (i) => corpus.labels![split.label(i)!]!);

  const texts = Array.from(indices, (i) => textOf(corpus, split.sentence(i)));

  const { z } = await inferCodes(
    model,
    split,
    { indices, batchSize: run.training.batchSize, seed, draws: 1, keepDraws: true, signal },
    stage(`codes of ${name}`, onProgress),
  );
  const codes = z!;
  const posterior = await aggregatePosterior(codes, latentSize, { seed, signal }, stage('t-SNE', onProgress));
  const { rms, threshold, leaving, marginals, map, prior, priorMap } = posterior;
  const summary: PosteriorSummary = {
    ...provenance,
    split: name,
    sentences: indices.length,
    seed,
    latentSize,
    rms,
    threshold,
    leaving,
    perplexity: usedPerplexity(2 * indices.length),
    iterations: ITERATIONS,
    dimensions: marginals.map(({ density, ...numbers }) => numbers),
  };

  const title = `${methodLabel(opened)} on ${run.dataSet}`;
  const artifacts = [
    [
      POSTERIOR.samples,
      posteriorCsv({ sentences: indices, texts, labels, z: codes, latentSize, map, prior, priorMap }),
    ],
    [
      POSTERIOR.map,
      await posteriorScatter({
        title: `${title}: aggregate posterior by t-SNE`,
        posterior: map,
        prior: priorMap,
        classes: labels ?? undefined,
      }),
    ],
    [POSTERIOR.marginals, await marginalDensities({ title: `${title}: aggregate posterior by dimension`, marginals })],
    [POSTERIOR.summary, POSTERIOR_SUMMARY.write(summary)],
  ] as const;
  for (const [file, content] of artifacts) await folder.writeArtifact(file, content);
  return { summary, files: artifacts.map(([file]) => path.join(folder.directory, 'artifacts', file)) };
}
