// `sri classify`: how well sentences are classified by the codes that a trained run infers of them, with few labels or none.

import type { Command } from 'commander';
import type { ClassifyRequest } from '../experiments/classify.js';
import { TABLE_5 } from '../experiments/published.js';
import type { Io } from './io.js';
import { wholeNumber, wholeNumbers } from './options.js';
import { addLimitOption, addSplitOption, onTrainedRun, type TrainedRunOptions } from './trained-run.js';

const EXAMPLES = `
With 0 labels, clusters of codes of training sentences are named by one validation sentence each (PCA, Gaussian mixture);
with some, a support vector machine learns from that many training sentences, drawn anew for each of --sets.

Examples:
  sri classify --config yelp.yaml --method sri
  sri classify --config yelp.yaml --method fb-vae --labels 0,100 --sets 10 --limit 2000`;

type ClassifyOptions = TrainedRunOptions & Omit<ClassifyRequest, 'draws'> & { sets: number };

export function addClassify(program: Command, io: Io): void {
  const command = program
    .command('classify')
    .description('measure how well sentences are classified by their codes, with few labels or none')
    .usage('[--config yelp.yaml] [--method sri] | [--run DIR] [options]')
    .option('--labels <list>', 'numbers of labels, with commas between; 0 for clusters', wholeNumbers(0), [
      ...TABLE_5.labels,
    ])
    .option('--sets <number>', 'labelled sets of each number', wholeNumber(1), TABLE_5.draws);
  addSplitOption(command, TABLE_5.split, ['valid', 'test']);
  addLimitOption(command, 'so many sentences of the split, drawn at random, and so many to make and to name clusters');
  onTrainedRun(command, io, {
    examples: EXAMPLES,
    needsCode: true,
    measures: 'classification',
    work: async (opened, { labels, sets, split, limit }: ClassifyOptions, following) => {
      const { classifyRun } = await import('../experiments/classify.js');
      return classifyRun(opened, { labels, draws: sets, split, limit }, following);
    },
  });
}
