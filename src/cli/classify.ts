// `sri classify`: how well sentences are classified by the codes that a trained run infers of them, with few labels or none.

import type { Command } from 'commander';
import type { SplitName } from '../data/corpus.js';
import { InputError } from '../errors.js';
import type { OpenRun } from '../experiments/open-run.js';
import type { MeasuredRow } from '../runs/measured-run.js';
import type { Io } from './io.js';
import { chooseTrainedRun, wholeNumber, wholeNumbers } from './options.js';
import type { Progress } from './progress.js';
import { keepRows, printRows } from './rows.js';
import {
  addLimitOption,
  addSplitOption,
  addTrainedRunOptions,
  type TrainedRunOptions,
  withOpenRun,
} from './trained-run.js';

export interface ClassifyRequest {
  /** Numbers of labels; 0 for clusters. */
  labels: readonly number[];
  /** Labelled sets of each other number. */
  draws: number;
  split: Exclude<SplitName, 'train'>;
  /** Items to test on, to name clusters by, and to fit clusters to, each at most; as the configuration has it where absent. */
  limit?: number;
}

/** What Table 5 has. */
export const TABLE_5: Readonly<ClassifyRequest> = { labels: [0, 100, 1000, 10000], draws: 5, split: 'test' };

interface ClassifyOptions extends TrainedRunOptions, ClassifyRequest {}

const EXAMPLES = `
With 0 labels, clusters of codes of training sentences are named by one validation sentence each (PCA, Gaussian mixture);
with some, a support vector machine learns from that many training sentences, drawn anew for each of --draws.

Examples:
  sri classify --config yelp.yaml --method sri
  sri classify --config yelp.yaml --method fb-vae --labels 0,100 --draws 10 --limit 2000`;

export function addClassify(program: Command, io: Io): void {
  const command = program
    .command('classify')
    .description('measure how well sentences are classified by their codes, with few labels or none')
    .usage('(--config yelp.yaml --method sri | --run DIR) [options]')
    .option(
      '--labels <list>',
      'numbers of labels, with commas between; 0 for clusters',
      wholeNumbers(0),
      TABLE_5.labels,
    )
    .option('--draws <number>', 'labelled sets of each number', wholeNumber(1), TABLE_5.draws);
  addTrainedRunOptions(addSplitOption(command, TABLE_5.split, ['valid', 'test']));
  addLimitOption(command, 'so many sentences of the split, drawn at random, and so many to make and to name clusters')
    .addHelpText('after', EXAMPLES)
    .action(async ({ labels, draws, split, limit, ...options }: ClassifyOptions) => {
      const chosen = await chooseTrainedRun(options);
      await withOpenRun(
        chosen,
        options,
        io,
        (opened, progress) => classifyRun(opened, { labels, draws, split, limit }, io, progress),
        (rows) => printRows(rows, chosen.folder, io, options.json),
      );
    });
}

/**
 * Measures the accuracy of classification by a run's codes, a row for each number of labels, and keeps the rows in its
 * folder. Numbers of labels that the training split has not are passed over, and said.
 * @throws {InputError} where the method has no code, the corpus has no labels, or too few of either for its classes.
 * @throws {InterruptedError} where the user asked to stop.
 */
export async function classifyRun(
  opened: OpenRun,
  { labels, draws: sets, split, limit }: ClassifyRequest,
  io: Io,
  progress: Progress,
): Promise<MeasuredRow[]> {
  const [{ planClassification }, { classify, inferFeatures }, { latentModel }] = await Promise.all([
    import('../evaluation/classification/labelled-sets.js'),
    import('../evaluation/classification/classification.js'),
    import('../experiments/open-run.js'),
  ]);
  const { run, corpus } = opened;
  const model = latentModel(opened, 'sri classify');
  const classes = corpus.labels?.length ?? 0;
  if (classes < 2) {
    throw new InputError(
      `sri classify: ${corpus.directory} has ${classes === 0 ? 'no labels' : 'one class alone'}; ` +
        'prepare a text of label<TAB>text lines (data.labelColumn: required), and train on it',
    );
  }
  const { seed } = run;
  const splits = { train: corpus.splits.train, valid: corpus.splits.valid, test: corpus.splits[split] };
  const plan = planClassification(splits, {
    labelCounts: labels,
    sets,
    limit: limit ?? run.evaluation.sentences,
    classes,
    seed,
  });
  for (const count of plan.tooMany) {
    const line = `${run.name}: ${splits.train.length} training sentences, so no accuracy with ${count} labels`;
    progress.say(line, { event: 'skipped', labels: count, trainingSentences: splits.train.length });
  }

  const start = performance.now();
  const features = await inferFeatures(
    model,
    splits,
    plan,
    { batchSize: run.training.batchSize, seed, draws: run.evaluation.featureDraws, signal: io.stop },
    (done, total) => progress.update({ label: `${run.name} codes`, done, total, quantities: {} }),
  );
  const inferenceSeconds = (performance.now() - start) / 1000;
  progress.end();
  const draws = model.inference === 'short-run' ? run.evaluation.featureDraws : 0;
  const results = await classify(features, plan, { classes, split, draws, seed, signal: io.stop }, (done, total) =>
    progress.update({ label: `${run.name} classifiers`, done, total, quantities: {} }),
  );
  // All rows share the codes; the time they took is the first's.
  return keepRows(
    opened,
    results.map((row, i) => ({ ...row, seconds: row.seconds + (i === 0 ? inferenceSeconds : 0) })),
  );
}
