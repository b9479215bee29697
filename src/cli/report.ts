// `sri report`: tables from whatever run folders hold by now.

import path from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../errors.js';
import type { MeasuredRun } from '../report/measured.js';
import { type Io, print, printJson } from './io.js';
import { addConfigOption, wholeNumber } from './options.js';

interface ReportOptions {
  config?: string;
  table: number;
  split: string;
  runs: string;
  results: string;
  json?: boolean;
}

export function addReport(program: Command, io: Io): void {
  const command = program
    .command('report')
    .description('assemble a table from run folders: print it, and write it as CSV')
    .usage('(--config ptb.yaml | [run folders...]) [options]')
    .argument('[folders...]', 'run folders; all of the data set under --runs unless given');
  addTableOptions(addConfigOption(command))
    .option('--json', 'the table as one JSON object')
    .action(async (folders: string[], options: ReportOptions) => {
      const [{ findRuns, readRun }, { RunFolder }] = await Promise.all([
        import('../report/measured.js'),
        import('../training/run-folder.js'),
      ]);
      if (folders.length === 0 && options.config === undefined)
        throw new InputError('give --config NAME, or run folders');
      const found =
        folders.length > 0
          ? folders.map((folder) => new RunFolder(folder))
          : findRuns(options.runs, (await import('../config/load.js')).loadConfig(options.config!).config.dataSet);
      if (found.length === 0) throw new InputError(`${options.runs}: no trained runs of this data set; see sri train`);
      await writeTable(found.map(readRun), options, io);
    });
}

export function addTableOptions(command: Command): Command {
  return command
    .option('--table <number>', "the paper's table; there is 1", tableNumber, 1)
    .option('--split <name>', 'split that was evaluated', 'test')
    .option('--runs <folder>', 'folder of all runs', 'runs')
    .option('--results <folder>', 'where CSVs go, in a folder for each data set', 'results');
}

/**
 * Assembles the table, writes it and all measurements as CSV, prints it, and lays beside them what the runs were:
 * their configurations, manifests and training curves.
 */
export async function writeTable(
  runs: MeasuredRun[],
  { split, results, json }: Pick<ReportOptions, 'split' | 'results' | 'json'>,
  io: Io,
): Promise<void> {
  const [{ formatTable1, measurements, table1, toCsv }, { writeFileAtomic }, { copyFile, mkdir }] = await Promise.all([
    import('../report/table1.js'),
    import('../storage/atomic-write.js'),
    import('node:fs/promises'),
  ]);
  const dataSet = runs[0]!.run.dataSet;
  const stranger = runs.find(({ run }) => run.dataSet !== dataSet);
  if (stranger) {
    throw new InputError(`${stranger.directory} is a run on ${stranger.run.dataSet}, the others are on ${dataSet}`);
  }
  const table = table1(runs, split);
  if (table.rows.length === 0) throw new InputError(`nothing was measured on the ${split} split yet; see sri eval`);
  const folder = path.join(results, dataSet);
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'table1.csv');
  const all = path.join(folder, 'measurements.csv');
  await writeFileAtomic(file, toCsv(table));
  await writeFileAtomic(all, toCsv(measurements(runs)));
  for (const { run, directory } of runs) {
    const copies = path.join(folder, 'runs', `${run.name}-seed-${run.seed}`);
    await mkdir(copies, { recursive: true });
    for (const name of ['config.json', 'manifest.json', 'metrics.csv']) {
      await copyFile(path.join(directory, name), path.join(copies, name));
    }
  }
  if (json) {
    const rows = table.rows.map((row) => Object.fromEntries(row.map((cell, i) => [table.columns[i], cell])));
    printJson(io, { event: 'table', table: 1, dataSet, file, measurements: all, rows });
    return;
  }
  for (const line of formatTable1(table)) print(io, line);
  print(io, `written to ${file}; every measurement, to ${all}`);
}

function tableNumber(text: string): number {
  const number = wholeNumber(1)(text);
  if (number !== 1) throw new InputError(`--table ${text}: there is no such table yet; there is 1`);
  return number;
}
