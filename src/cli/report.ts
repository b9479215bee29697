// `sri report`: tables, figures and the report's page, from whatever run folders hold by now.

import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SPLIT_NAMES, type SplitName } from '../data/corpus.js';
import { InputError } from '../errors.js';
import type { Table } from '../report/table.js';
import type { ReportTable } from '../report/tables.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import { type Io, print, printJson } from './io.js';
import { addConfigOption, wholeNumbers } from './options.js';

/** What the options of {@link addTableOptions} hold. */
export interface TableOptions {
  tables?: number[];
  all?: boolean;
  ablation?: 'steps';
  split: SplitName;
  runs: string;
  results: string;
}

interface ReportOptions extends TableOptions {
  config?: string;
  html?: boolean;
  json?: boolean;
}

/** How many tables the paper has. */
const TABLE_COUNT = 5;

const EXAMPLES = `
Examples:
  sri report --config ptb.yaml
  sri report --config snli.yaml --tables 1,4 --html
  sri report runs/ptb/sri/seed-0 runs/ptb/sri@paper/seed-0`;

export function addReport(program: Command, io: Io): void {
  const command = program
    .command('report')
    .description('assemble tables and figures from run folders: write all there are, print those asked for')
    .usage('(--config ptb.yaml | [run folders...]) [options]')
    .argument('[folders...]', 'run folders; all of the data set under --runs unless given');
  addTableOptions(addConfigOption(command))
    .option('--html', 'also write everything as one page, report.html')
    .option('--json', 'each table as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (folders: string[], options: ReportOptions) => {
      const [{ findRuns, readRun }, { RunFolder }] = await Promise.all([
        import('../runs/measured-run.js'),
        import('../runs/run-folder.js'),
      ]);
      if (folders.length === 0 && options.config === undefined)
        throw new InputError('give --config NAME, or run folders');
      const found =
        folders.length > 0
          ? folders.map((folder) => new RunFolder(folder))
          : findRuns(options.runs, (await import('../config/load.js')).loadConfig(options.config!).config.dataSet);
      if (found.length === 0) throw new InputError(`${options.runs}: no trained runs of this data set; see sri train`);
      const ablation = options.ablation !== undefined;
      const asked = await reportTables(tableNumbersOf(options, ablation ? [] : [1]), ablation);
      // Of all there are, those without a row are passed over; one that was asked for by its number is missed.
      const request = { ...options, asked, missing: options.all ? 'pass over' : 'refuse' } as const;
      await writeResults(found.map(readRun), request, io);
    });
}

export function addTableOptions(command: Command): Command {
  return command
    .option(
      '--table, --tables <list>',
      `the paper's tables, 1 to ${TABLE_COUNT} with commas between; 1 unless something else is asked for`,
      tableNumbers,
    )
    .option('--all', 'all tables, and Figure 1')
    .addOption(new Option('--ablation <what>', "the second footnote's numbers of Langevin steps").choices(['steps']))
    .addOption(new Option('--split <name>', 'split that is evaluated').choices(SPLIT_NAMES).default('test'))
    .option('--runs <folder>', 'folder of all runs', 'runs')
    .option('--results <folder>', 'where tables and figures go, in a folder for each data set', 'results');
}

/** The numbers of the paper's tables that options ask for. @param otherwise where they ask for no table. */
export function tableNumbersOf({ tables, all }: Pick<TableOptions, 'tables' | 'all'>, otherwise: number[]): number[] {
  if (all) return Array.from({ length: TABLE_COUNT }, (_, i) => i + 1);
  return tables ?? otherwise;
}

/** The paper's tables of these numbers, and that of the ablation where it is asked for. */
export async function reportTables(numbers: readonly number[], ablation: boolean): Promise<ReportTable[]> {
  const { REPORT_TABLES } = await import('../report/tables.js');
  return REPORT_TABLES.filter(({ number }) => (number === null ? ablation : numbers.includes(number)));
}

export interface ResultsRequest {
  /** Tables to print; all that have rows are written. */
  asked: readonly ReportTable[];
  /** What becomes of those without a row. */
  missing: 'pass over' | 'refuse';
  split: SplitName;
  /** Where results go, in a folder for each data set. */
  results: string;
  html?: boolean;
  json?: boolean;
  /** The config file, as a command names it; after the data set unless given. */
  config?: string;
}

/**
 * Writes every table that has rows, all measurements, the figures and, where asked, the report's page. Beside them it lays
 * what the runs were: their configurations, manifests and training curves. Then it prints the tables asked for.
 * @throws {InputError} where runs are of several data sets, or a table asked for is missing and to be refused.
 */
export async function writeResults(runs: readonly MeasuredRun[], request: ResultsRequest, io: Io): Promise<void> {
  const [{ REPORT_TABLES }, { toCsv }, { measurements }, { partNotice }, { mkdir }] = await Promise.all([
    import('../report/tables.js'),
    import('../report/table.js'),
    import('../report/table1.js'),
    import('../report/part.js'),
    import('node:fs/promises'),
  ]);
  const { asked, missing, split, results, html, json } = request;
  const { dataSet } = runs[0]!.run;
  const stranger = runs.find(({ run }) => run.dataSet !== dataSet);
  if (stranger) {
    throw new InputError(`${stranger.directory} is a run on ${stranger.run.dataSet}, the others are on ${dataSet}`);
  }
  const made = REPORT_TABLES.map((kind) => ({ kind, table: kind.make(runs, split) })).filter(
    ({ table }) => table.rows.length > 0,
  );
  const absent = asked.filter((kind) => !made.some((one) => one.kind === kind));
  if (missing === 'refuse' && absent.length > 0) {
    const { caption, command } = absent[0]!;
    throw new InputError(`${caption}: nothing was measured on the ${split} split yet; see ${command}`);
  }

  const folder = path.join(results, dataSet);
  await mkdir(folder, { recursive: true });
  const files = new Map([
    ...made.map(({ kind, table }): [string, string] => [`${kind.name}.csv`, toCsv(table)]),
    ['measurements.csv', toCsv(measurements(runs))],
    ...(await figures(runs, split)),
  ]);
  if (html) files.set('report.html', await page(runs, made, request));
  const { writeFileAtomic } = await import('../storage/atomic-write.js');
  for (const [name, content] of files) await writeFileAtomic(path.join(folder, name), content);
  await copyRuns(runs, folder);

  const part = partNotice(runs);
  const printed = made.filter(({ kind }) => asked.includes(kind));
  if (json) {
    for (const { kind, table } of printed) printTableJson(kind, table, dataSet, folder, io);
    const names = { files: [...files.keys()], missing: absent.map(({ name }) => name) };
    printJson(io, { event: 'written', dataSet, folder, part, ...names });
    return;
  }
  for (const { kind, table } of printed) {
    if (asked.length > 1) print(io, kind.caption);
    for (const line of [...kind.format(table), '']) print(io, line);
  }
  if (part !== null) print(io, part);
  for (const { caption } of absent) print(io, `${caption}: nothing measured on the ${split} split`);
  print(io, `written to ${folder}: ${fileList([...files.keys()])}`);
}

/** Names of files; those of Figure 1, of which many runs have many, as their number. */
function fileList(names: readonly string[]): string {
  const others = names.filter((name) => !name.startsWith('figure1-'));
  const more = names.length - others.length;
  return `${others.join(', ')}${more === 0 ? '' : `, and ${more} files of Figure 1`}`;
}

/** By file name: the curves of training, the ablation, and the Figure 1 of each run that has it. */
async function figures(runs: readonly MeasuredRun[], split: SplitName): Promise<[name: string, content: string][]> {
  const [{ stepsLines, stepsPoints }, { stepsAblation }, { posteriorFiles }, { curvesFigure }] = await Promise.all([
    import('../report/ablation.js'),
    import('../report/figures/steps-ablation.js'),
    import('../runs/posterior.js'),
    import('../report/report-page.js'),
  ]);
  const steps = stepsLines(runs, split);
  const curves = await curvesFigure(runs);
  return [
    ...(steps.length > 1
      ? [['ablation-steps.svg', await stepsAblation(stepsPoints(steps))] satisfies [string, string]]
      : []),
    ...(curves === null ? [] : [['training-curves.svg', curves] satisfies [string, string]]),
    ...runs.flatMap(posteriorFiles),
  ];
}

async function page(
  runs: readonly MeasuredRun[],
  made: readonly { kind: ReportTable; table: Table }[],
  { split, config }: ResultsRequest,
): Promise<string> {
  const { reportPage } = await import('../report/report-page.js');
  const { dataSet } = runs[0]!.run;
  return reportPage({
    dataSet,
    split,
    runs,
    tables: made.map(({ kind: { number, caption }, table }) => ({ number, caption, table })),
    config: config ?? `${dataSet}.yaml`,
  });
}

async function copyRuns(runs: readonly MeasuredRun[], folder: string): Promise<void> {
  const [{ copyFile, mkdir }, { existsSync }] = await Promise.all([import('node:fs/promises'), import('node:fs')]);
  for (const { run, directory } of runs) {
    const copies = path.join(folder, 'runs', `${run.name}-seed-${run.seed}`);
    await mkdir(copies, { recursive: true });
    for (const name of ['config.json', 'manifest.json', 'metrics.csv']) {
      const file = path.join(directory, name);
      if (existsSync(file)) await copyFile(file, path.join(copies, name));
    }
  }
}

function printTableJson(
  { number, name }: ReportTable,
  { columns, rows }: Table,
  dataSet: string,
  folder: string,
  io: Io,
) {
  const file = path.join(folder, `${name}.csv`);
  const measurements = path.join(folder, 'measurements.csv');
  const objects = rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i], cell])));
  printJson(io, { event: 'table', table: number ?? name, dataSet, file, measurements, rows: objects });
}

/** Numbers of tables with commas between, each once. */
function tableNumbers(text: string): number[] {
  const numbers = wholeNumbers(1)(text);
  const stranger = numbers.find((number) => number > TABLE_COUNT);
  if (stranger !== undefined) {
    throw new InvalidArgumentError(
      `There is no such table; the paper has ${TABLE_COUNT}, and they are 1 to ${TABLE_COUNT}.`,
    );
  }
  return numbers;
}
