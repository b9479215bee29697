// `sri posterior`: Figure 1 of a trained run - where the codes of many sentences lie, beside the prior - as pictures,
// samples and numbers.

import path from 'node:path';
import type { Command } from 'commander';
import type { SplitName } from '../data/corpus.js';
import type { OpenRun } from '../experiments/open-run.js';
import type { PosteriorSummary } from '../runs/posterior.js';
import { type Io, print, printJson } from './io.js';
import { chooseTrainedRun, wholeNumber } from './options.js';
import { formatNumber, type Progress } from './progress.js';
import { addSplitOption, addTrainedRunOptions, type TrainedRunOptions, withOpenRun } from './trained-run.js';

export interface PosteriorRequest {
  /** Drawn by seed; all of a split that has no more. */
  sentences: number;
  split: SplitName;
}

/** What Figure 1 shows. */
export const FIGURE_1: Readonly<PosteriorRequest> = { sentences: 1000, split: 'test' };

interface PosteriorOptions extends TrainedRunOptions, PosteriorRequest {}

const EXAMPLES = `
Examples:
  sri posterior --config ptb.yaml --method sri
  sri posterior --run runs/yelp/fb-vae/seed-0 --sentences 500 --split valid`;

export function addPosterior(program: Command, io: Io): void {
  const command = program
    .command('posterior')
    .description("draw a trained run's aggregate posterior beside the prior: a t-SNE map and each dimension's density")
    .usage('(--config ptb.yaml --method sri | --run DIR) [options]')
    .option('--sentences <number>', 'sentences of the split, drawn at random', wholeNumber(2), FIGURE_1.sentences);
  addTrainedRunOptions(addSplitOption(command, FIGURE_1.split))
    .addHelpText('after', EXAMPLES)
    .action(async ({ sentences, split, ...options }: PosteriorOptions) => {
      const chosen = await chooseTrainedRun(options);
      await withOpenRun(
        chosen,
        options,
        io,
        (opened, progress) => posteriorRun(opened, { sentences, split }, io, progress),
        async ({ summary, files }) => {
          const { directory } = chosen.folder;
          if (options.json) printJson(io, { event: 'posterior', folder: directory, ...summary, files });
          else for (const line of await describe(summary, files)) print(io, line);
        },
      );
    });
}

/**
 * Draws one code of each of some sentences, describes them beside the prior, and keeps all of it among the run's
 * artifacts.
 * @returns the numbers, and the files in the order of their making.
 * @throws {InputError} for a method without a latent code, or one whose inference diverged.
 * @throws {InterruptedError} where the user asked to stop; nothing was written then.
 */
export async function posteriorRun(
  opened: OpenRun,
  { sentences, split: name }: PosteriorRequest,
  io: Io,
  progress: Progress,
): Promise<{ summary: PosteriorSummary; files: string[] }> {
  const [
    { latentModel },
    { evaluationSubset },
    { inferCodes },
    { aggregatePosterior },
    tsne,
    report,
    { methodLabel },
    { posteriorScatter },
    { marginalDensities },
  ] = await Promise.all([
    import('../experiments/open-run.js'),
    import('../data/batches.js'),
    import('../evaluation/codes.js'),
    import('../evaluation/aggregate-posterior.js'),
    import('../evaluation/t-sne.js'),
    import('../runs/posterior.js'),
    import('../report/table.js'),
    import('../report/figures/posterior-scatter.js'),
    import('../report/figures/marginal-densities.js'),
  ]);
  const { run, folder, corpus, provenance } = opened;
  const model = latentModel(opened, 'sri posterior');
  const { latentSize } = model;
  const { seed } = run;
  const split = corpus.splits[name];
  const indices = evaluationSubset(split, sentences);
  const labels = corpus.labels && Array.from(indices, (i) => corpus.labels![split.label(i)!]!);

  const advance = (what: string) => (done: number, total: number) =>
    progress.update({ label: `${run.name} ${what}`, done, total, quantities: {} });
  const { z } = await inferCodes(
    model,
    split,
    { indices, batchSize: run.training.batchSize, seed, draws: 1, keepDraws: true, signal: io.stop },
    advance(`codes of ${name}`),
  );
  progress.end();
  const codes = z!;
  const posterior = await aggregatePosterior(codes, latentSize, { seed, signal: io.stop }, advance('t-SNE'));
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
    perplexity: tsne.usedPerplexity(2 * indices.length),
    iterations: tsne.ITERATIONS,
    dimensions: marginals.map(({ density, ...numbers }) => numbers),
  };

  const title = `${methodLabel(opened)} on ${run.dataSet}`;
  const { POSTERIOR } = report;
  const artifacts = [
    [
      POSTERIOR.samples,
      report.posteriorCsv({ sentences: indices, labels, z: codes, latentSize, map, prior, priorMap }),
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
    [POSTERIOR.summary, `${JSON.stringify(summary, null, 2)}\n`],
  ] as const;
  for (const [file, content] of artifacts) await folder.writeArtifact(file, content);
  return { summary, files: artifacts.map(([file]) => path.join(folder.directory, 'artifacts', file)) };
}

/** The summary as a person reads it. */
async function describe(summary: PosteriorSummary, files: readonly string[]): Promise<string[]> {
  const { describePosterior } = await import('../runs/posterior.js');
  const { dimensions, sentences, split, epoch } = summary;
  const far = dimensions
    .map(({ mean, standardDeviation, wasserstein }, d) => ({ d, mean, standardDeviation, wasserstein }))
    .sort((a, b) => b.wasserstein - a.wasserstein);
  const { d, mean, standardDeviation, wasserstein } = far[0]!;
  return [
    `a code of each of ${sentences} sentences of ${split}, weights of epoch ${epoch}`,
    describePosterior(summary),
    `the farthest is dimension ${d}: distance ${formatNumber(wasserstein)}, mean ${formatNumber(mean)}, ` +
      `standard deviation ${formatNumber(standardDeviation)}; the median distance is ` +
      formatNumber(far[Math.floor(far.length / 2)]!.wasserstein),
    ...files.map((file) => `written to ${file}`),
  ];
}
