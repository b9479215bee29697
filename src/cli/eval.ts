// `sri eval` and `sri eval-ppl`: quantities of a trained run on a split, each kept as a row in the run's folder.

import { type Command, Option } from 'commander';
import type { RunConfig } from '../config/schema.js';
import type { SplitName } from '../data/corpus.js';
import { InputError } from '../errors.js';
import type { Metric } from '../evaluation/result.js';
import type { MeasuredRow } from '../report/measured.js';
import type { RunFolder } from '../training/run-folder.js';
import { type Io, print, printJson } from './io.js';
import {
  addMachineOptions,
  addRunOptions,
  chooseTrainedRun,
  listOf,
  type MachineOptions,
  type RunOptions,
  wholeNumber,
} from './options.js';
import { createProgress, formatNumber, formatSeconds, type Progress } from './progress.js';

const METRICS: readonly Metric[] = ['ppl', 'recon', 'au', 'kl'];

interface EvalOptions extends RunOptions, MachineOptions {
  metric?: Metric[];
  split: SplitName;
  limit?: number;
  weights: string;
  estimator?: 'fitted' | 'jacobian';
  samples?: number;
}

const EXAMPLES = `
Examples:
  sri eval --config ptb.yaml --method sri --metric ppl,recon,au,kl
  sri eval --run runs/ptb/sri/seed-0 --metric recon --split valid --limit 500
  sri eval-ppl --config ptb.yaml --method sri --estimator jacobian --samples 10`;

export function addEval(program: Command, io: Io): void {
  const command = program
    .command('eval')
    .description('measure quantities of a trained run on a split')
    .usage('(--config ptb.yaml --method sri | --run DIR) [options]')
    .option(
      '--metric <list>',
      `any of ${METRICS.join(',')}, with commas between; all that the method has unless given`,
      listOf(METRICS),
    );
  complete(command, io);
}

export function addEvalPpl(program: Command, io: Io): void {
  const command = program
    .command('eval-ppl')
    .description('measure the perplexity of a trained run, by the estimator of choice')
    .usage('(--config ptb.yaml --method sri | --run DIR) [options]');
  complete(command, io, ['ppl']);
}

/** The options that both have, and what they do. */
function complete(command: Command, io: Io, only?: Metric[]): void {
  addMachineOptions(addRunOptions(command))
    .addOption(new Option('--split <name>', 'which sentences').choices(['train', 'valid', 'test']).default('test'))
    .option(
      '--limit <number>',
      'so many sentences of the split, drawn by seed; as in the config unless given',
      wholeNumber(2),
    )
    .option('--weights <name>', 'best, or epoch-<n> for those that training.keepEpochs kept', 'best')
    .addOption(
      new Option('--estimator <name>', "of perplexity; the config's unless given").choices(['fitted', 'jacobian']),
    )
    .option('--samples <number>', 'draws a sentence of that estimator', wholeNumber(2))
    .addHelpText('after', EXAMPLES)
    .action(async ({ metric, estimator, samples, ...options }: EvalOptions) => {
      const { run, folder } = await chooseTrainedRun(options);
      const json = options.json ?? false;
      const progress = createProgress(io, json);
      try {
        const rows = await evaluateRun(
          withEstimator(run, estimator, samples),
          folder,
          {
            metrics: only ?? metric ?? metricsOf(run),
            split: options.split,
            limit: options.limit,
            weights: options.weights,
          },
          io,
          progress,
        );
        progress.end();
        for (const row of rows) {
          if (json) printJson(io, { event: 'row', folder: folder.directory, ...row });
          else for (const line of describeRow(row)) print(io, line);
        }
      } finally {
        progress.end();
      }
    });
}

/** The metrics that a run's method has. */
export function metricsOf({ method }: Pick<RunConfig, 'method'>): Metric[] {
  return method === 'lstm-lm' ? ['ppl'] : [...METRICS];
}

function withEstimator(run: RunConfig, estimator = run.evaluation.estimator, samples?: number): RunConfig {
  const { evaluation } = run;
  const draws = { ...evaluation.draws, ...(samples === undefined ? {} : { [estimator]: samples }) };
  return { ...run, evaluation: { ...evaluation, estimator, draws } };
}

export interface EvaluationRequest {
  metrics: readonly Metric[];
  split: SplitName;
  /** Sentences, drawn by seed; as the configuration has it where absent. */
  limit?: number;
  /** `best` where absent. */
  weights?: string;
}

/**
 * Measures a trained run, and keeps each row in its folder.
 * @throws {InputError} where there are no such weights, the corpus is another than the run learned from, or the
 *   method lacks a metric.
 * @throws {InterruptedError} where the user asked to stop; rows kept before stay.
 */
export async function evaluateRun(
  run: RunConfig,
  folder: RunFolder,
  { metrics, split, limit, weights = 'best' }: EvaluationRequest,
  io: Io,
  progress: Progress,
): Promise<MeasuredRow[]> {
  const [{ loadCorpus }, { METHODS }, { loadWeights }, { evaluate }, joint, machine, { rowName }] = await Promise.all([
    import('../data/corpus-files.js'),
    import('../methods/index.js'),
    import('../training/weights.js'),
    import('../evaluation/evaluate.js'),
    import('./evaluation.js'),
    import('./machine.js'),
    import('../report/measured.js'),
  ]);
  const corpus = await loadCorpus(run.data.directory);
  const learnedFrom = folder.manifest()?.dataHash;
  if (learnedFrom !== undefined && learnedFrom !== corpus.hash) {
    throw new InputError(
      `${run.data.directory} is not the corpus that ${folder.directory} learned from ` +
        `(hash ${corpus.hash.slice(0, 16)}, not ${learnedFrom.slice(0, 16)}); prepare that one again, or train anew`,
    );
  }
  const backend = await machine.startMachine(run);
  const model = METHODS.find(({ name }) => name === run.method)!.create(run, corpus);
  try {
    const epoch = loadWeights(folder.weights(weights), model);
    const results = await evaluate(
      joint.evaluatedModel(model, epoch),
      corpus.splits[split],
      { ...joint.evaluationOptions(run), metrics, limit: limit ?? run.evaluation.sentences, signal: io.stop },
      ({ metrics: now, done, total }) => {
        progress.update({ label: `${run.name} ${now.join(',')} on ${split}`, done, total, quantities: {} });
      },
    );
    const { name, threads } = backend;
    const rows = results.map((row) => ({ ...row, epoch, backend: name, threads, commit: machine.sourceCommit() }));
    for (const row of rows) await folder.writeRow(rowName(row), row);
    return rows;
  } finally {
    model.dispose();
  }
}

/** A row as a person reads it. */
export function describeRow(row: MeasuredRow): string[] {
  const { metric, estimator, split, value, standardError, sentences, draws, effectiveSampleSize: ess } = row;
  const unit = metric === 'recon' || metric === 'kl' ? ' nats' : '';
  const error = standardError === null || standardError === 0 ? '' : ` ± ${formatNumber(standardError)}`;
  const facts = [
    `${sentences} sentences of ${split}`,
    ...(draws > 0 ? [`${draws} draws each`] : []),
    ...(ess ? [`effective sample size ${formatNumber(ess.mean)}, below 2 for ${percent(ess.shareBelow2)}`] : []),
    ...(row.notPositiveDefinite === undefined
      ? []
      : [`${percent(row.notPositiveDefinite)} of chains with a step not positive definite`]),
    ...(row.acceptance === undefined ? [] : [`acceptance ${percent(row.acceptance)}`]),
    `epoch ${row.epoch}`,
    formatSeconds(row.seconds),
  ];
  const number = value === null ? 'not finite' : formatNumber(value);
  return [
    `${metric.padEnd(5)} ${`${number}${error}${unit}`.padEnd(22)} by ${estimator}; ${facts.join(', ')}`,
    ...row.warnings.map((warning) => `      warning: ${warning}`),
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
