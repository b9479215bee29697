// `sri eval` and `sri eval-ppl`: quantities of a trained run on a split, each kept as a row in the run's folder.

import type { Command } from 'commander';
import type { SplitName } from '../data/splits.js';
import type { Io } from './io.js';
import { names, wholeNumber } from './options.js';
import { addLimitOption, addSplitOption, type Chosen, onTrainedRun, type TrainedRunOptions } from './trained-run.js';

interface EvalOptions extends TrainedRunOptions {
  metric?: string[] | undefined;
  split: SplitName;
  limit?: number | undefined;
  estimator?: string | undefined;
  draws?: number | undefined;
}

const EXAMPLES = `
Examples:
  sri eval
  sri eval --config ptb.yaml --method sri --metric ppl,recon,au,kl
  sri eval --run runs/ptb/sri/seed-0 --metric recon --split valid --limit 500`;

const PPL_EXAMPLES = `
Examples:
  sri eval-ppl --config ptb.yaml --method sri --estimator jacobian --draws 10
  sri eval-ppl --run runs/ptb/sri/seed-0 --estimator ais --limit 64`;

/** @param args of the whole command line. */
export async function addEval(program: Command, io: Io, args: readonly string[]): Promise<void> {
  const command = program
    .command('eval')
    .description('measure quantities of a trained run on a split')
    .usage('[--config ptb.yaml] [--method sri] | [--run DIR] [options]')
    .option(
      '--metric <list>',
      'names of metrics, with commas between; those of Table 1 that the method has unless given',
      names,
    );
  // The definitions take longer to load than all help to print, so only help that lists them waits for them.
  if (args.includes('eval'))
    command.addHelpText('after', [...(await describeMetrics()), ...(await describeEstimators())].join('\n'));
  complete(command, io, EXAMPLES);
}

async function describeMetrics(): Promise<string[]> {
  const { metrics } = await import('../evaluation/registry.js');
  const measured = metrics().filter(({ command }) => command === null);
  return list(
    'Metrics',
    measured.map(({ name, description, unit }) => [name, unit === '' ? description : `${description}, ${unit}`]),
  );
}

async function describeEstimators(): Promise<string[]> {
  const { estimators } = await import('../evaluation/perplexity/registry.js');
  return list(
    'Estimators',
    estimators().map(({ name, description }) => [name, description]),
  );
}

function list(title: string, entries: readonly (readonly [name: string, what: string])[]): string[] {
  const width = Math.max(...entries.map(([name]) => name.length));
  return [`\n${title}:`, ...entries.map(([name, what]) => `  ${name.padEnd(width)}  ${what}`)];
}

export async function addEvalPpl(program: Command, io: Io, args: readonly string[]): Promise<void> {
  const command = program
    .command('eval-ppl')
    .description('measure the perplexity of a trained run, by the estimator of choice')
    .usage('[--config ptb.yaml] [--method sri] | [--run DIR] [options]');
  if (args.includes('eval-ppl')) command.addHelpText('after', (await describeEstimators()).join('\n'));
  complete(command, io, PPL_EXAMPLES, ['ppl']);
}

/** The options that both have, and what they do. */
function complete(command: Command, io: Io, examples: string, only?: string[]): void {
  addLimitOption(addSplitOption(command, 'test'))
    .option('--estimator <name>', "of perplexity, or auto for the method's own; the config's unless given")
    .option('--draws <number>', "draws a sentence of that estimator; the config's unless given", wholeNumber(2));
  const experiment = () => import('../experiments/evaluate.js');
  onTrainedRun(command, io, {
    examples,
    needsCode: async ({ metric = [], estimator = 'auto', draws }) => {
      if (estimator !== 'auto') return `--estimator ${estimator}`;
      if (draws !== undefined) return '--draws';
      const inexact = (await experiment()).inexact(metric);
      return inexact.length === 0 ? null : `--metric ${inexact.join(',')}`;
    },
    settle: async ({ run, options: { metric, estimator, draws } }: Chosen<EvalOptions>) => {
      const { checkMetrics, withEstimator } = await experiment();
      checkMetrics(run, metric ?? []);
      return withEstimator(run, estimator, draws);
    },
    work: async (opened, { metric, split, limit }: EvalOptions, following) =>
      (await experiment()).evaluateAlone(opened, { metrics: only ?? metric, split, limit }, following),
  });
}
