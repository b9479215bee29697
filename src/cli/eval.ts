// `sri eval` and `sri eval-ppl`: quantities of a trained run on a split, each kept as a row in the run's folder.

import { type Command, Option } from 'commander';
import type { RunConfig } from '../config/schema.js';
import type { SplitName } from '../data/corpus.js';
import { InputError } from '../errors.js';
import type { Evaluated } from '../evaluation/evaluate.js';
import type { OpenRun } from '../experiments/open-run.js';
import type { Inference } from '../methods/method.js';
import type { MeasuredRow } from '../runs/measured-run.js';
import type { Io } from './io.js';
import { chooseTrainedRun, listOf, wholeNumber } from './options.js';
import type { Progress } from './progress.js';
import { keepRows, printRows } from './rows.js';
import {
  addLimitOption,
  addSplitOption,
  addTrainedRunOptions,
  type TrainedRunOptions,
  withOpenRun,
} from './trained-run.js';

const METRICS: readonly Evaluated[] = ['ppl', 'recon', 'au', 'kl', 'mi', 'gain'];

const ESTIMATORS = ['auto', 'fitted', 'jacobian', 'encoder', 'ais'] as const;

interface EvalOptions extends TrainedRunOptions {
  metric?: Evaluated[];
  split: SplitName;
  limit?: number;
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
      `any of ${METRICS.join(',')}, with commas between; those of Table 1 that the method has unless given`,
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
  addLimitOption(addTrainedRunOptions(addSplitOption(command, 'test')))
    .addOption(new Option('--estimator <name>', "of perplexity; the config's unless given").choices(ESTIMATORS))
    .option('--samples <number>', 'draws a sentence of that estimator', wholeNumber(2))
    .addHelpText('after', EXAMPLES)
    .action(async ({ metric, split, limit, estimator, samples, ...options }: EvalOptions) => {
      const { run, folder } = await chooseTrainedRun(options);
      const { methodNamed } = await import('../methods/index.js');
      const metrics = only ?? metric ?? metricsOf(methodNamed(run.method).inference);
      await withOpenRun(
        { run: await withEstimator(run, estimator, samples), folder },
        options,
        io,
        (opened, progress) => evaluateRun(opened, { metrics, split, limit }, io, progress),
        (rows) => printRows(rows, folder, io, options.json),
      );
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
  asked: (typeof ESTIMATORS)[number] | undefined,
  samples: number | undefined,
): Promise<RunConfig> {
  const { evaluation } = run;
  const estimator = asked ?? evaluation.estimator;
  const [{ estimatorName }, { methodNamed }] = await Promise.all([
    import('../evaluation/perplexity/estimator-name.js'),
    import('../methods/index.js'),
  ]);
  const drawing = estimatorName({ estimator }, methodNamed(run.method).inference);
  if (drawing === 'exact') {
    if (samples !== undefined || (asked ?? 'auto') !== 'auto') {
      const option = samples === undefined ? '--estimator' : '--samples';
      throw new InputError(`${option}: ${run.method} has no code, so its perplexity is exact, without draws`);
    }
    return run;
  }
  if (samples === undefined) return { ...run, evaluation: { ...evaluation, estimator } };
  return { ...run, evaluation: { ...evaluation, estimator, draws: { ...evaluation.draws, [drawing]: samples } } };
}

export interface EvaluationRequest {
  metrics: readonly Evaluated[];
  split: SplitName;
  /** Sentences, drawn at random, that every metric is measured on; as the configuration has it where absent. */
  limit?: number;
}

/**
 * Measures a trained run, and keeps each row in its folder.
 * @throws {InputError} where the method lacks a metric.
 * @throws {InterruptedError} where the user asked to stop; rows kept before stay.
 */
export async function evaluateRun(
  opened: OpenRun,
  { metrics, split, limit }: EvaluationRequest,
  io: Io,
  progress: Progress,
): Promise<MeasuredRow[]> {
  const [{ evaluate }, { evaluationOptions }] = await Promise.all([
    import('../evaluation/evaluate.js'),
    import('../experiments/evaluation.js'),
  ]);
  const { run, corpus, model } = opened;
  const configured = evaluationOptions(run);
  const sentences =
    limit === undefined
      ? { limit: run.evaluation.sentences, perplexitySentences: configured.perplexitySentences }
      : { limit, perplexitySentences: null };
  const results = await evaluate(
    model,
    corpus.splits[split],
    { ...configured, ...sentences, metrics, signal: io.stop },
    ({ metrics: now, done, total }) => {
      progress.update({ label: `${run.name} ${now.join(',')} on ${split}`, done, total, quantities: {} });
    },
  );
  return keepRows(opened, results);
}
