// `sri reproduce`: one command from raw text to a table. Each step is skipped where its result is there already, and
// each goes on where it was stopped, so the command may be given again at any time.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.js';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { RunFolder } from '../training/run-folder.js';
import type { Io } from './io.js';
import {
  addConfigOption,
  addMachineOptions,
  addSetOption,
  type MachineOptions,
  overridesOf,
  parseMethod,
  wholeNumber,
} from './options.js';
import { createProgress, type Progress } from './progress.js';
import { addTableOptions, writeTable } from './report.js';

interface ReproduceOptions extends MachineOptions {
  config?: string;
  set: string[];
  table: number;
  methods?: string;
  from?: string;
  seed: number;
  runs: string;
  results: string;
  split: 'train' | 'valid' | 'test';
}

export function addReproduce(program: Command, io: Io): void {
  const command = program
    .command('reproduce')
    .description('do what is missing for a table of the paper - prepare, train, evaluate - and write it')
    .usage('--config ptb.yaml --table 1 [options]');
  addTableOptions(addSetOption(addConfigOption(command)))
    .option(
      '--methods <list>',
      'methods with commas between, a setting after @: lstm-lm,sri,sri@paper; all of the config',
    )
    .option('--from <folder>', 'folder of the raw files, should the corpus not be prepared yet')
    .option('--seed <number>', 'seed of all randomness', wholeNumber(0), 0);
  addMachineOptions(command).action(async (options: ReproduceOptions) => {
    const progress = createProgress(io, options.json ?? false);
    try {
      await reproduce(options, io, progress);
    } finally {
      progress.end();
    }
  });
}

async function reproduce(options: ReproduceOptions, io: Io, progress: Progress): Promise<void> {
  const [{ loadConfig, resolveRun }, { METHODS }, { RunFolder }, { findRuns, readRun }] = await Promise.all([
    import('../config/load.js'),
    import('../methods/index.js'),
    import('../training/run-folder.js'),
    import('../report/measured.js'),
  ]);
  if (options.config === undefined) throw new InputError('give --config, such as --config ptb.yaml');
  const loaded = loadConfig(options.config);
  const available = METHODS.map(({ name }) => name).filter((name) => loaded.config.methods[name] !== undefined);
  const names = options.methods?.split(',').map((name) => name.trim()) ?? available;
  const runs: RunConfig[] = [];
  for (const name of names) {
    const choice = await parseMethod(name);
    runs.push(resolveRun(loaded, { ...choice, seed: options.seed, overrides: overridesOf(options) }));
  }
  await prepareIfMissing(loaded, options, io, progress);
  for (const run of runs) await trainAndEvaluate(run, RunFolder.of(options.runs, run), options, io, progress);
  // All runs on the data set, also those of earlier commands: a table is never less than what was measured.
  await writeTable(findRuns(options.runs, loaded.config.dataSet).map(readRun), options, io);
}

async function prepareIfMissing(
  loaded: LoadedConfig,
  { from, set, json }: ReproduceOptions,
  io: Io,
  progress: Progress,
): Promise<void> {
  const { configured, prepare } = await import('./prepare.js');
  const { resolveData } = await import('../config/load.js');
  const { directory } = resolveData(loaded, set);
  if (existsSync(path.join(directory, 'corpus.json'))) return;
  progress.say(`preparing ${loaded.config.dataSet}`, { event: 'preparing', dataSet: loaded.config.dataSet, directory });
  await prepare(await configured(loaded, { from, set }), io, json ?? false);
}

async function trainAndEvaluate(
  run: RunConfig,
  folder: RunFolder,
  { split }: ReproduceOptions,
  io: Io,
  progress: Progress,
): Promise<void> {
  const [{ trainRun }, { describeRow, evaluateRun, metricsOf }, { chooseRow, readRun }] = await Promise.all([
    import('./train.js'),
    import('./eval.js'),
    import('../report/measured.js'),
  ]);
  await trainRun(run, folder, io, progress);
  progress.end();
  const measured = readRun(folder);
  const missing = metricsOf(run).filter((metric) => chooseRow(measured, metric, split) === null);
  if (missing.length === 0) return;
  const rows = await evaluateRun(run, folder, { metrics: missing, split }, io, progress);
  progress.end();
  for (const row of rows) {
    progress.say(describeRow(row).join('\n'), { event: 'row', folder: folder.directory, ...row });
  }
}
