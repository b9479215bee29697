// `sri report`: tables, figures and the report's page, from whatever run folders hold by now.

import path from 'node:path';
import { type Command, Option } from 'commander';
import { SPLIT_NAMES, type SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import type { Results } from '../experiments/report.js';
import type { FigureKey } from '../report/define-figure.js';
import type { TableDefinition, TableKey } from '../report/define-table.js';
import type { TABLE_WRITERS } from '../report/formats.js';
import type { Table } from '../report/table.js';
import { type Io, note, print, printJson } from './io.js';
import { addConfigOption, configOf, wholeNumbers } from './options.js';
import { paintFor } from './paint.js';
import { printTable } from './print-table.js';

/** What the options of {@link addTableOptions} hold. */
export interface TableOptions {
  tables?: TableKey[] | undefined;
  figures?: FigureKey[] | undefined;
  all?: boolean | undefined;
  ablation?: 'steps' | undefined;
  split: SplitName;
  runs: string;
  results: string;
  format: TableFormat;
  columns?: boolean | undefined;
}

/** How results are shown. */
export type ShowOptions = Pick<TableOptions, 'split' | 'format' | 'columns'> & { json?: boolean | undefined };

interface ReportOptions extends TableOptions {
  config?: string | undefined;
  html?: boolean | undefined;
  json?: boolean | undefined;
}

/** As tables are printed: `table` for a terminal, the others to be piped or pasted. */
const TABLE_FORMATS = ['table', 'csv', 'markdown', 'latex', 'json'] as const;
type TableFormat = (typeof TABLE_FORMATS)[number];

/** How many tables the paper has. */
const TABLE_COUNT = 5;

/** The names of those that it has not: their definitions take longer to load than all help to print. */
const OTHER_TABLES = ['ablation-steps', 'frontier'];
const OTHER_FIGURES = ['ablation-steps', 'frontier'];

/** Those that are of what there is, so that no plan makes them. */
const UNPLANNED_TABLES = ['sweep', 'further'];
const UNPLANNED_FIGURES = ['training-curves'];

const EXAMPLES = `
Examples:
  sri report --config ptb.yaml
  sri report --config snli.yaml --tables 1,4 --html
  sri report --config ptb.yaml --table 1 --format latex > table1.tex
  sri report --config ptb.yaml --table further
  sri report runs/ptb/sri/seed-0 runs/ptb/sri@released/seed-0`;

export function addReport(program: Command, io: Io): void {
  const command = program
    .command('report')
    .description('assemble tables and figures from run folders: write all there are, print those asked for')
    .usage('([--config ptb.yaml] | [run folders...]) [options]')
    .argument('[folders...]', 'run folders; all of the data set under --runs unless given');
  addTableOptions(addConfigOption(command), { tables: UNPLANNED_TABLES, figures: UNPLANNED_FIGURES })
    .option('--html', 'also write everything as one page, report.html; of runs on several data sets the page alone')
    .option('--json', 'each table as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (folders: string[], options: ReportOptions) => {
      const [
        { openConfig },
        { findRuns, readKnownRuns, readRun },
        { runAt },
        { writeComparison, writeResults },
        { TABLE_WRITERS },
        { tablesOf },
        { figuresOf },
      ] = await Promise.all([
        import('../experiments/choose-run.js'),
        import('../runs/measured-run.js'),
        import('../experiments/default-run.js'),
        import('../experiments/report.js'),
        import('../report/formats.js'),
        import('../report/tables.js'),
        import('../report/figures.js'),
      ]);
      const asked = tablesOf(tableKeysOf(options));
      const figures = figuresOf(figureKeysOf(options));
      const config = folders.length > 0 ? options.config : await configOf(options, 'sri report', 'run folders');
      const found =
        folders.length > 0 ? folders.map(runAt) : findRuns(options.runs, (await openConfig(config!)).config.dataSet);
      if (found.length === 0) throw new InputError(`${options.runs}: no trained runs of this data set; see sri train`);
      const { runs, leftOut } = folders.length > 0 ? { runs: found.map(readRun), leftOut: [] } : readKnownRuns(found);
      for (const one of leftOut) note(io, one);
      if (runs.length === 0)
        throw new InputError(`${options.runs}: all runs of this data set need plugins; give --plugin`);
      if (options.html && new Set(runs.map(({ run }) => run.dataSet)).size > 1) {
        print(io, `written to ${await writeComparison(runs, options)}`);
        return;
      }
      // Of all there are, those without a row are passed over; one that was asked for by itself is missed.
      const request = { ...options, config, asked, figures, missing: options.all ? 'pass over' : 'refuse' } as const;
      showResults(await writeResults(runs, request), io, options, TABLE_WRITERS);
    });
}

export function addTableOptions(
  command: Command,
  more: { tables: readonly string[]; figures: readonly string[] } = { tables: [], figures: [] },
): Command {
  const tables = [...OTHER_TABLES, ...more.tables].join(', ');
  const figures = [...OTHER_FIGURES, ...more.figures].join(', ');
  return addResultOptions(
    command
      .option(
        '--table, --tables <list>',
        `tables with commas between: the paper's by number, 1 to ${TABLE_COUNT}, others by name (${tables}, or a plugin's); 1 unless something else is asked for`,
        keys,
      )
      .addOption(
        new Option(
          '--figures <list>',
          `figures with commas between: of the paper's there is 1, others by name (${figures}, or a plugin's); none unless given`,
        ).argParser(keys),
      )
      .option('--all', 'all tables of the paper, and Figure 1')
      .addOption(
        new Option('--ablation <what>', "the second footnote's numbers of Langevin steps; none unless given").choices([
          'steps',
        ]),
      ),
  );
}

/** Of what, and where to, results are. */
export function addResultOptions(command: Command): Command {
  return command
    .addOption(new Option('--split <name>', 'split that is evaluated').choices(SPLIT_NAMES).default('test'))
    .option('--runs <folder>', 'folder of all runs', 'runs')
    .option('--results <folder>', 'where tables and figures go, in a folder for each data set', 'tables')
    .addOption(
      new Option(
        '--format <form>',
        'as which tables are printed; what else there is to say goes to standard error then',
      )
        .choices(TABLE_FORMATS)
        .default('table'),
    )
    .option(
      '--columns',
      'all columns of a printed table, also where it gets wider than the terminal, or 100 in a pipe',
    );
}

type Asking = Pick<TableOptions, 'tables' | 'figures' | 'all' | 'ablation'>;

/** The figures that options ask for. */
export function figureKeysOf({ figures = [], all }: Asking): FigureKey[] {
  return [...(all ? [1] : []), ...figures];
}

/** The tables that options ask for: the first, where they ask for nothing. */
export function tableKeysOf({ tables = [], figures, all, ablation }: Asking): TableKey[] {
  const asked = [
    ...(all ? Array.from({ length: TABLE_COUNT }, (_, i) => i + 1) : []),
    ...tables,
    ...(ablation === undefined ? [] : [`ablation-${ablation}`]),
  ];
  return asked.length === 0 && figures === undefined ? [1] : asked;
}

/** Prints the tables that were asked for, and says what was written, and where the figures that were asked for are. @param writers of the formats but `table` and `json`. */
export function showResults(
  { dataSet, folder, files, tables, figures, absent, part, mixtures }: Results,
  io: Io,
  { split, format, columns, json }: ShowOptions,
  writers: typeof TABLE_WRITERS,
): void {
  if (json) {
    for (const { kind, table } of tables) printTableJson(kind, table, dataSet, folder, io);
    for (const { kind, files } of figures) {
      const paths = files.map((name) => path.join(folder, name));
      printJson(io, { event: 'figure', figure: kind.number ?? kind.name, dataSet, files: paths });
    }
    printJson(io, {
      event: 'written',
      dataSet,
      folder,
      part,
      mixtures,
      files,
      missing: absent.map(({ name }) => name),
    });
    return;
  }
  if (format === 'table') {
    for (const { kind, table } of tables) {
      if (tables.length + absent.length > 1) print(io, kind.caption, paintFor(io.out).head);
      const reading = kind.read(table);
      if ('lines' in reading) for (const line of reading.lines) print(io, line);
      else printTable(io, reading, columns);
      print(io, '');
    }
  } else if (format === 'json') {
    for (const { kind, table } of tables) printTableJson(kind, table, dataSet, folder, io);
  } else {
    io.out.write(tables.map(({ kind, table }) => writers[format](kind, table, dataSet)).join('\n'));
  }
  const say = format === 'table' ? print : note;
  if (part !== null) say(io, part);
  for (const notice of mixtures) say(io, notice);
  for (const { caption } of absent) say(io, `${caption}: nothing measured on the ${split} split`);
  for (const { kind, files } of figures) {
    say(io, `${kind.caption}: ${files.map((name) => path.join(folder, name)).join(', ')}`);
  }
  say(io, `written to ${folder}: ${fileList(files)}`);
}

/** Names of files; those of Figure 1, of which many runs have many, as their number. */
function fileList(names: readonly string[]): string {
  const others = names.filter((name) => !name.startsWith('figure1-'));
  const more = names.length - others.length;
  return `${others.join(', ')}${more === 0 ? '' : `, and ${more} files of Figure 1`}`;
}

function printTableJson(
  { number, name }: TableDefinition,
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

/** Numbers and names of tables or figures with commas between; whether there are such, the tables or figures say. */
export function keys(text: string): (number | string)[] {
  return text
    .split(',')
    .flatMap((item): (number | string)[] => (/^[a-z]/i.test(item.trim()) ? [item.trim()] : wholeNumbers(1)(item)));
}
