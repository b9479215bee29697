// `sri eval` and `sri eval-ppl`: quantities of a trained run on a split, each kept as a row in the run's folder.

import { type Command, Option } from 'commander';
import type { RunConfig } from '../config/schema.js';
import type { SplitName } from '../data/corpus.js';
import type { Evaluated } from '../evaluation/evaluate.js';
import type { Inference } from '../methods/method.js';
import type { MeasuredRow } from '../report/measured.js';
import { type Io, print, printJson } from './io.js';
import type { OpenRun } from './open-run.js';
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

const METRICS: readonly Evaluated[] = ['ppl', 'recon', 'au', 'kl', 'mi', 'gain'];

const ESTIMATORS = ['auto', 'fitted', 'jacobian', 'encoder', 'ais'] as const;

interface EvalOptions extends RunOptions, MachineOptions {
  metric?: Evaluated[];
  split: SplitName;
  limit?: number;
  weights: string;
  estimator?: (typeof ESTIMATORS)[number];
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
function complete(command: Command, io: Io, only?: Evaluated[]): void {
  addMachineOptions(addRunOptions(command))
    .addOption(new Option('--split <name>', 'which sentences').choices(['train', 'valid', 'test']).default('test'))
    .option(
      '--limit <number>',
      'so many sentences of the split, drawn by seed; as in the config unless given',
      wholeNumber(2),
    )
    .option('--weights <name>', 'best, or epoch-<n> for those that training.keepEpochs kept', 'best')
    .addOption(new Option('--estimator <name>', "of perplexity; the config's unless given").choices(ESTIMATORS))
    .option('--samples <number>', 'draws a sentence of that estimator', wholeNumber(2))
    .addHelpText('after', EXAMPLES)
    .action(async ({ metric, estimator, samples, ...options }: EvalOptions) => {
      const { run, folder } = await chooseTrainedRun(options);
      const [{ openRun }, { methodNamed }] = await Promise.all([
        import('./open-run.js'),
        import('../methods/index.js'),
      ]);
      const json = options.json ?? false;
      const progress = createProgress(io, json);
      const { inference } = methodNamed(run.method);
      const opened = await openRun(await withEstimator(run, estimator, samples), folder, options.weights);
      try {
        const metrics = only ?? metric ?? metricsOf(inference);
        const rows = await evaluateRun(opened, { metrics, split: options.split, limit: options.limit }, io, progress);
        progress.end();
        for (const row of rows) {
          if (json) printJson(io, { event: 'row', folder: folder.directory, ...row });
          else for (const line of describeRow(row)) print(io, line);
        }
      } finally {
        progress.end();
        opened.dispose();
      }
    });
}

/** The metrics of Table 1 that a method has; a code that is a point has a KL of infinity and no proposal of its own. */
export function metricsOf(inference: Inference): Evaluated[] {
  switch (inference) {
    case 'none':
      return ['ppl'];
    case 'point':
      return ['recon', 'au'];
    default:
      return ['ppl', 'recon', 'au', 'kl'];
  }
}

async function withEstimator(
  run: RunConfig,
  estimator: (typeof ESTIMATORS)[number] = run.evaluation.estimator,
  samples?: number,
): Promise<RunConfig> {
  const { evaluation } = run;
  if (samples === undefined) return { ...run, evaluation: { ...evaluation, estimator } };
  const [{ ownEstimator }, { methodNamed }] = await Promise.all([
    import('./evaluation.js'),
    import('../methods/index.js'),
  ]);
  const drawing = estimator === 'auto' ? ownEstimator(methodNamed(run.method).inference) : estimator;
  return { ...run, evaluation: { ...evaluation, estimator, draws: { ...evaluation.draws, [drawing]: samples } } };
}

export interface EvaluationRequest {
  metrics: readonly Evaluated[];
  split: SplitName;
  /** Sentences, drawn by seed; as the configuration has it where absent. */
  limit?: number;
}

/**
 * Measures a trained run, and keeps each row in its folder.
 * @throws {InputError} where the method lacks a metric.
 * @throws {InterruptedError} where the user asked to stop; rows kept before stay.
 */
export async function evaluateRun(
  { run, folder, corpus, model, provenance }: OpenRun,
  { metrics, split, limit }: EvaluationRequest,
  io: Io,
  progress: Progress,
): Promise<MeasuredRow[]> {
  const [{ evaluate }, { evaluationOptions }, { rowName }] = await Promise.all([
    import('../evaluation/evaluate.js'),
    import('./evaluation.js'),
    import('../report/measured.js'),
  ]);
  const results = await evaluate(
    model,
    corpus.splits[split],
    { ...evaluationOptions(run), metrics, limit: limit ?? run.evaluation.sentences, signal: io.stop },
    ({ metrics: now, done, total }) => {
      progress.update({ label: `${run.name} ${now.join(',')} on ${split}`, done, total, quantities: {} });
    },
  );
  const rows = results.map((row) => ({ ...row, ...provenance }));
  for (const row of rows) await folder.writeRow(rowName(row), row);
  return rows;
}

/** A row as a person reads it. */
export function describeRow(row: MeasuredRow): string[] {
  const { metric, estimator, split, value, standardError, sentences, draws, effectiveSampleSize: ess } = row;
  const unit = ['recon', 'kl', 'mi', 'gain', 'noisy-recon'].includes(metric) ? ' nats' : '';
  const name = row.variant === undefined ? metric : `${metric} ${row.variant}`;
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
    `${name.padEnd(5)} ${`${number}${error}${unit}`.padEnd(22)} by ${estimator}; ${facts.join(', ')}`,
    ...row.warnings.map((warning) => `      warning: ${warning}`),
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
