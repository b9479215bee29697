// Tables, figures and the report's page, from whatever runs have measured by now.

import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import type { FigureDefinition, FigureFiles, MadeFigure } from '../report/define-figure.js';
import type { TableDefinition } from '../report/define-table.js';
import { figures } from '../report/figures.js';
import { mixtureNotices } from '../report/mixture.js';
import { partNotice } from '../report/part.js';
import { type ReportPage, reportPage } from '../report/report-page.js';
import { type Table, toCsv } from '../report/table.js';
import { measurements } from '../report/table1.js';
import { tables } from '../report/tables.js';
import { type MeasuredRun, namesOfCopies } from '../runs/measured-run.js';
import { RunFolder } from '../runs/run-folder.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { makeFolder } from '../storage/folder.js';
import { commandsOf } from './commands.js';

export interface ResultsRequest {
  /** Tables that are wanted; all that have rows are written. */
  asked: readonly TableDefinition[];
  /** Figures that are wanted; all that have something to show are drawn. None where absent. */
  figures?: readonly FigureDefinition[] | undefined;
  /** What becomes of those that have nothing. */
  missing: 'pass over' | 'refuse';
  split: SplitName;
  /** Where results go, in a folder for each data set. */
  results: string;
  html?: boolean | undefined;
  /** The config file, as a command names it; after the data set unless given. */
  config?: string | undefined;
}

export interface MadeTable {
  kind: TableDefinition;
  table: Table;
}

/** What was written. */
export interface Results {
  dataSet: string;
  /** Where. */
  folder: string;
  /** Names of files, in it. */
  files: string[];
  /** The tables asked for, of those that have rows. */
  tables: MadeTable[];
  /** The figures asked for, of those that have something to show, with the names of their files. */
  figures: { kind: FigureDefinition; files: string[] }[];
  /** Tables and figures asked for that have nothing. */
  absent: (TableDefinition | FigureDefinition)[];
  /** What a reader should know of runs that learned from a part of a published set; null where none did. */
  part: string | null;
  /** What else a reader should know of runs that stand side by side. */
  mixtures: string[];
}

/**
 * Writes every table that has rows, all measurements, the figures and, where asked, the report's page. Beside them it lays
 * what the runs were: their configurations, manifests and training curves.
 * @throws {InputError} where runs are of several data sets, or a table or figure asked for is missing and to be refused.
 */
export async function writeResults(runs: readonly MeasuredRun[], request: ResultsRequest): Promise<Results> {
  const { asked, figures: wanted = [], missing, split, results, html } = request;
  const { dataSet } = runs[0]!.run;
  const stranger = runs.find(({ run }) => run.dataSet !== dataSet);
  if (stranger) {
    throw new InputError(
      `${stranger.directory} is a run on ${stranger.run.dataSet}, the others are on ${dataSet}; to compare them, add --html`,
    );
  }
  const made = madeTables(runs, split);
  const drawn = madeFigures(runs, split);
  const pictures: { kind: FigureDefinition; files: FigureFiles }[] = [];
  for (const { kind, made } of drawn) pictures.push({ kind, files: await filesOf(kind, made) });
  const there = [...made, ...pictures.filter((one) => one.files.length > 0)].map(({ kind }) => kind);
  const absent = [...asked, ...wanted].filter((kind) => !there.includes(kind));
  if (missing === 'refuse' && absent.length > 0) {
    const [first] = absent as [TableDefinition | FigureDefinition];
    const command = 'command' in first ? first.command : `sri reproduce --figures ${first.number ?? first.name}`;
    throw new InputError(`${first.caption}: nothing was measured on the ${split} split yet; see ${command}`);
  }

  const folder = path.join(results, dataSet);
  makeFolder(folder);
  const files = new Map([
    ...made.map(({ kind, table }): [string, string] => [`${kind.name}.csv`, toCsv(table)]),
    ['measurements.csv', toCsv(measurements(runs))],
  ]);
  for (const { kind, files: own } of pictures) {
    for (const [name, content] of own) {
      if (files.has(name) || name === PAGE)
        throw new TypeError(`${kind.title}: ${name} is another's file; call it otherwise`);
      files.set(name, content);
    }
  }
  if (html) files.set(PAGE, await page(runs, made, drawn, request));
  for (const [name, content] of files) await writeFileAtomic(path.join(folder, name), content);
  await copyRuns(runs, folder);
  const shown = made.filter(({ kind }) => asked.includes(kind));
  return {
    dataSet,
    folder,
    files: [...files.keys()],
    tables: shown,
    figures: pictures
      .filter(({ kind }) => wanted.includes(kind) && !absent.includes(kind))
      .map(({ kind, files }) => ({ kind, files: files.map(([name]) => name) })),
    absent,
    part: partNotice(runs),
    mixtures: mixtureNotices(runs, split),
  };
}

interface DrawnFigure {
  kind: FigureDefinition;
  made: MadeFigure;
}

const PAGE = 'report.html';

/** Does what a definition says, a plugin's perhaps, so that what is wrong with it is told by its name. */
function naming<Made>({ title }: Pick<TableDefinition | FigureDefinition, 'title'>, work: () => Made): Made {
  try {
    return work();
  } catch (error) {
    throw named(title, error);
  }
}

function named(title: string, error: unknown): unknown {
  if (error instanceof InputError) return error;
  return new Error(`${title}: ${error instanceof Error ? error.message : error}`, { cause: error });
}

/** Tables that have rows. */
function madeTables(runs: readonly MeasuredRun[], split: SplitName): MadeTable[] {
  return tables()
    .map((kind) => ({
      kind,
      table: naming(kind, () => {
        const table = kind.make(runs, split);
        const isTable = Array.isArray(table?.columns) && Array.isArray(table.rows);
        if (!isTable) throw new TypeError('make gave no table; it gives {columns, rows}');
        return table;
      }),
    }))
    .filter(({ table }) => table.rows.length > 0);
}

/** A figure's files, each with a name that lies in the folder of the results and nowhere else. */
async function filesOf(kind: FigureDefinition, made: MadeFigure): Promise<FigureFiles> {
  try {
    const files = await made.files();
    for (const [name, content] of files) {
      if (typeof name !== 'string' || !/^[\w-][\w.-]*$/.test(name)) {
        throw new TypeError(`${JSON.stringify(name)} will not do as a file's name: letters, digits, dot, - and _`);
      }
      if (typeof content !== 'string') throw new TypeError(`${name}: its content is no text`);
    }
    return files;
  } catch (error) {
    throw named(kind.title, error);
  }
}

/** Figures that have something to show. */
function madeFigures(runs: readonly MeasuredRun[], split: SplitName): DrawnFigure[] {
  return figures().flatMap((kind) => {
    const made = naming(kind, () => kind.make(runs, split));
    return made === null ? [] : [{ kind, made }];
  });
}

function page(
  runs: readonly MeasuredRun[],
  made: readonly MadeTable[],
  drawn: readonly DrawnFigure[],
  { split, config, results }: ResultsRequest,
): Promise<string> {
  const { dataSet } = runs[0]!.run;
  const shown = made.map(({ kind }) => kind);
  const copies = path.join(results, dataSet, 'runs');
  return reportPage({
    split,
    runs,
    tables: made.map(({ kind, table }) => ({ ...kind, table, dataSet })),
    figures: drawn.map(({ kind, made }) => ({ ...kind, made, dataSet })),
    commandsOf: () => commandsOf(runs, { tables: shown, split, config: config ?? `${dataSet}.yaml`, copies }),
  });
}

/**
 * The page of any runs, of one data set or several.
 * @param beside what a page shows that its server keeps up to date.
 */
export function comparePage(
  runs: readonly MeasuredRun[],
  split: SplitName,
  beside: Pick<ReportPage, 'live' | 'training' | 'notices'> = {},
): Promise<string> {
  const dataSets = [...new Set(runs.map(({ run }) => run.dataSet))];
  const ofSets = new Map(dataSets.map((dataSet) => [dataSet, runs.filter(({ run }) => run.dataSet === dataSet)]));
  const shown = [...ofSets].flatMap(([dataSet, own]) =>
    madeTables(own, split).map(({ kind, table }) => ({ ...kind, dataSet, table })),
  );
  return reportPage({
    split,
    runs,
    tables: shown,
    figures: [...ofSets].flatMap(([dataSet, own]) =>
      madeFigures(own, split).map(({ kind, made }) => ({ ...kind, made, dataSet })),
    ),
    commandsOf: (dataSet) => {
      const ofSet = shown.filter((one) => one.dataSet === dataSet);
      return commandsOf(ofSets.get(dataSet)!, { tables: ofSet, split, config: `${dataSet}.yaml`, copies: null });
    },
    ...beside,
  });
}

/**
 * Writes {@link comparePage} for runs of several data sets, which no table holds side by side.
 * @returns the file.
 */
export async function writeComparison(
  runs: readonly MeasuredRun[],
  { split, results }: Pick<ResultsRequest, 'split' | 'results'>,
): Promise<string> {
  const file = path.join(results, PAGE);
  makeFolder(results);
  await writeFileAtomic(file, await comparePage(runs, split));
  return file;
}

/** A run that lies where its copy would, as one of those copies does, stays as it is. */
async function copyRuns(runs: readonly MeasuredRun[], folder: string): Promise<void> {
  const names = namesOfCopies(runs);
  const placed = runs.map(({ directory }, i) => {
    const copies = path.join(folder, 'runs', names[i]!);
    makeFolder(copies);
    return { directory, copies, from: realpathSync(directory), to: realpathSync(copies) };
  });
  for (const { directory, from, to } of placed) {
    const other = placed.find((one) => one.to === from && one.from !== from);
    if (other === undefined) continue;
    throw new InputError(
      `${directory} is where the copy of ${other.directory} would lie (the copy of this one: ${to}); give another --results`,
    );
  }
  for (const { directory, copies, from, to } of placed) {
    if (from !== to) await new RunFolder(directory).copyRecord(copies);
  }
}
