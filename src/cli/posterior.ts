// `sri posterior`: Figure 1 of a trained run - where the codes of many sentences lie, beside the prior - as pictures,
// samples and numbers.

import type { Command } from 'commander';
import type { PosteriorRequest } from '../experiments/posterior.js';
import { FIGURE_1 } from '../experiments/published.js';
import { counted, formatNumber } from '../notation.js';
import type { PosteriorSummary } from '../runs/posterior-files.js';
import { type Io, print, printJson } from './io.js';
import { wholeNumber } from './options.js';
import { addSplitOption, onTrainedRun, type TrainedRunOptions } from './trained-run.js';

const EXAMPLES = `
Examples:
  sri posterior --config ptb.yaml --method sri
  sri posterior --run runs/yelp/fb-vae/seed-0 --sentences 500 --split valid`;

export function addPosterior(program: Command, io: Io): void {
  const command = program
    .command('posterior')
    .description("draw a trained run's aggregate posterior beside the prior: a t-SNE map and each dimension's density")
    .usage('[--config ptb.yaml] [--method sri] | [--run DIR] [options]')
    .option('--sentences <number>', 'sentences of the split, drawn at random', wholeNumber(2), FIGURE_1.sentences);
  onTrainedRun(addSplitOption(command, FIGURE_1.split), io, {
    examples: EXAMPLES,
    needsCode: true,
    measures: 'posterior',
    work: async (opened, { sentences, split }: TrainedRunOptions & PosteriorRequest, following) => {
      const { posteriorRun } = await import('../experiments/posterior.js');
      return posteriorRun(opened, { sentences, split }, following);
    },
    show: async ({ summary, files }, { folder, options }) => {
      if (options.json) printJson(io, { event: 'posterior', folder: folder.directory, ...summary, files });
      else for (const line of await describe(summary, files)) print(io, line);
    },
  });
}

/** The summary as a person reads it. */
async function describe(summary: PosteriorSummary, files: readonly string[]): Promise<string[]> {
  const { describePosterior } = await import('../runs/posterior-files.js');
  const { dimensions, sentences, split, epoch } = summary;
  const far = dimensions
    .map(({ mean, standardDeviation, wasserstein }, d) => ({ d, mean, standardDeviation, wasserstein }))
    .sort((a, b) => b.wasserstein - a.wasserstein);
  const { d, mean, standardDeviation, wasserstein } = far[0]!;
  return [
    `a code of each of ${counted(sentences, 'sentence')} of ${split}, weights of epoch ${epoch}`,
    describePosterior(summary),
    `the farthest is dimension ${d}: distance ${formatNumber(wasserstein)}, mean ${formatNumber(mean)}, ` +
      `standard deviation ${formatNumber(standardDeviation)}; the median distance is ` +
      formatNumber(far[Math.floor(far.length / 2)]!.wasserstein),
    ...files.map((file) => `written to ${file}`),
  ];
}
