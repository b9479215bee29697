// What stands on the report's page, and in which order: the verdicts first, then the tables, the figures, and what is
// needed to make all of it again. It reads run folders and nothing else.

import type { RunConfig } from '../config/schema.js';
import { can } from '../methods/capability.js';
import { methods } from '../methods/registry.js';
import { isOfSelected, type MeasuredRun } from '../runs/measured-run.js';
import { describePosterior, keptPosterior, keptPosteriorMap, POSTERIOR } from '../runs/posterior-files.js';
import { RunFolder } from '../runs/run-folder.js';
import { axisTop } from './axis-top.js';
import type { FigureDefinition, FigureFiles, MadeFigure } from './define-figure.js';
import type { TableDefinition } from './define-table.js';
import { lineFigure } from './figures/lines.js';
import {
  bulletList,
  chart,
  chooser,
  codeMap,
  commands,
  comparisonTable,
  explorer,
  facts,
  figure,
  folded,
  type Html,
  htmlReport,
  paragraph,
  plainTable,
  type Section,
  shortHashes,
  sideBySide,
  textTable,
} from './html.js';
import { LINE_STYLES, MOST_LINES } from './line-styles.js';
import { mixtureNotices } from './mixture.js';
import {
  type ChartView,
  type Curve,
  type PageChart,
  type PageMap,
  type PageNumbers,
  seedSeries,
} from './page-numbers.js';
import { partNotice } from './part.js';
import { bySeeds, mean } from './seeds.js';
import { columnsWithErrors, hasSome, methodLabel, PROVENANCE, type Table, variedIn } from './table.js';
import { meaningsOf } from './table1.js';
import { type EpochNumbers, indexedColumns, readEpochs } from './training-log.js';

export interface ReportPage {
  /** The split that the tables are of. */
  split: string;
  /** On one data set or several. */
  runs: readonly MeasuredRun[];
  /** Tables that have a row. */
  tables: readonly ReportedTable[];
  /** Figures that have something to show. */
  figures?: readonly ReportedFigure[];
  /** The commands that make the runs of a data set and their numbers again. */
  commandsOf(dataSet: string): readonly string[] | Promise<readonly string[]>;
  /** Of a page that a server keeps up to date and that may ask it, which of its states this is; null for a file. */
  live?: PageNumbers['live'];
  /** Runs that are being trained now. */
  training?: readonly RunInTraining[];
  /** What else a reader should know, such as which runs cannot be read. */
  notices?: readonly string[];
}

/** A table, with the data set that it is of. */
export interface ReportedTable
  extends Pick<TableDefinition, 'name' | 'caption'>,
    Partial<Pick<TableDefinition, 'metrics'>> {
  table: Table;
  dataSet: string;
}

/** A figure, with the data set that it is of. */
export interface ReportedFigure extends Pick<FigureDefinition, 'name' | 'caption' | 'beside'> {
  made: MadeFigure;
  dataSet: string;
}

/** A run that is being trained, and how far it is. */
export interface RunInTraining {
  run: RunConfig;
  /** Epochs. */
  finished: number;
  /** What it wrote last; null before that. */
  latest: EpochNumbers | null;
}

/** A run with its name on the page and its epochs. */
interface Shown {
  label: string;
  /** The name that it shares with the other seeds. */
  line: string;
  measured: MeasuredRun;
  epochs: readonly EpochNumbers[];
  /** That of the best weights; undefined where the log does not have it. */
  best: EpochNumbers | undefined;
}

/** The page as one text. */
export async function reportPage({
  split,
  runs,
  tables,
  figures = [],
  commandsOf,
  live = null,
  training = [],
  notices = [],
}: ReportPage): Promise<string> {
  const shown = show(runs);
  const dataSets = [...new Set(runs.map(({ run }) => run.dataSet))];
  const of = (dataSet: string) => shown.filter(({ measured }) => measured.run.dataSet === dataSet);
  const several = dataSets.length > 1;
  const parts = dataSets.flatMap((dataSet) => partNotice(of(dataSet).map(({ measured }) => measured)) ?? []);
  // Of all runs: one that stands there twice is shown once, and told of.
  const mixtures = dataSets.flatMap((dataSet) =>
    mixtureNotices(
      runs.filter(({ run }) => run.dataSet === dataSet),
      split,
    ),
  );
  const origins = await Promise.all(
    dataSets.map(async (dataSet) => provenance(of(dataSet), await commandsOf(dataSet))),
  );
  const charts = epochCharts(shown);
  const drawnFigures = await Promise.all(figures.map(figureOnPage));
  const isBeside = (table: ReportedTable, one: ReportedFigure) =>
    one.beside === table.name && one.dataSet === table.dataSet;
  const beside = (table: ReportedTable) =>
    drawnFigures.flatMap(({ html }, i) => (isBeside(table, figures[i]!) ? html : []));
  const place = (of: ReportedTable | ReportedFigure) => (several ? `${of.caption}, on ${of.dataSet}` : of.caption);
  const maps = mapsOf(shown);
  const sections: Section[] = [
    { title: 'Left out', body: notices.length === 0 ? [] : [bulletList(notices)] },
    { title: 'Training now', body: training.length === 0 ? [] : [trainingTable(training)] },
    { title: 'A part of the data', body: parts.map(paragraph) },
    { title: 'What stands side by side', body: mixtures.length === 0 ? [] : [bulletList(mixtures)] },
    { title: 'Is the code used?', body: verdicts(shown) },
    ...tables.map((one) => ({ title: place(one), body: [tableOf(one), ...beside(one)] })),
    ...figures.flatMap((one, i) =>
      tables.some((table) => isBeside(table, one)) ? [] : [{ title: place(one), body: drawnFigures[i]!.html }],
    ),
    { title: 'Training', body: charts.length === 0 ? [] : [chooser(), sideBySide(charts.map(({ html }) => html))] },
    { title: 'Aggregate posterior', body: posteriorFigures(shown, maps, live !== null) },
    { title: 'Try it', body: live === null ? [] : exploration(shown) },
    { title: 'Warnings', body: warnings(shown, split) },
    {
      title: 'How to make this again',
      body: origins.flat(),
    },
  ];
  return htmlReport({
    title: dataSets.length === 0 ? 'No results yet' : `Results on ${dataSets.join(', ')}`,
    sections: sections.filter(({ body }) => body.length > 0),
    numbers: {
      labels: lineLabels(shown),
      first: firstLines(shown),
      styles: LINE_STYLES,
      charts: [...charts.map(({ numbers }) => numbers), ...drawnFigures.flatMap(({ numbers }) => numbers ?? [])],
      maps,
      live,
    },
  });
}

/**
 * Names the runs, each once: the method as in the tables, then what tells it from others of the method. Runs of one name that
 * learned by other settings are no seeds of one another; the folder of each tells them apart.
 */
function show(runs: readonly MeasuredRun[]): Shown[] {
  const several = new Set(runs.map(({ run }) => run.dataSet)).size > 1;
  const experiments = bySeeds(runs);
  return experiments.flatMap((seeds) => {
    const { run, directory } = seeds[0]!;
    const namesakes = experiments.filter(([one]) => one!.run.dataSet === run.dataSet && one!.run.name === run.name);
    const folder = namesakes.length > 1 ? `, ${directory}` : '';
    const line = `${methodLabel(seeds[0]!)}${several ? ` on ${run.dataSet}` : ''}${folder}`;
    return seeds.map((measured): Shown => {
      const epochs = readEpochs(new RunFolder(measured.directory).metricsText());
      return {
        line,
        label: seeds.length > 1 ? `${line} seed ${measured.run.seed}` : line,
        measured,
        epochs,
        best: epochs.find(({ epoch }) => epoch === measured.manifest.selectedEpoch),
      };
    });
  });
}

/** Names of lines: runs that differ in their seed alone have one. */
function lineLabels(shown: readonly Shown[]): string[] {
  return [...new Set(shown.map(({ line }) => line))];
}

/**
 * The lines that are shown before a person chooses: the language model, which all others are held against, then the paper's
 * own method and those that it prints before it, then others; a setting as it is before one of which a number varies.
 */
function firstLines(shown: readonly Shown[]): string[] {
  const order = methods().map(({ name }) => name);
  const own = order.indexOf('sri');
  const urgency = ({ measured }: Shown) => {
    const place = order.indexOf(measured.run.method);
    const reference = place >= 0 && !can(methods()[place]!.inference, 'code');
    const late = place < 0 ? order.length : place;
    return (variedIn(measured) === null ? 0 : 2 * order.length) + (reference ? -1 : late > own ? late : own - late);
  };
  const first = lineLabels(shown.toSorted((a, b) => urgency(a) - urgency(b))).slice(0, MOST_LINES);
  return lineLabels(shown).filter((label) => first.includes(label));
}

/** Where training is, by the last line that each run has written. */
function trainingTable(training: readonly RunInTraining[]): Html {
  const columns = [
    'Run',
    'Seed',
    'Epoch',
    'Iteration',
    'Loss, nats a word',
    'Sentences a second',
    'Minutes of training',
  ];
  const rows = training.map(({ run, finished, latest }) => {
    const { iteration, lossPerWord, sentencesPerSecond, seconds } = latest?.numbers ?? {};
    const rounded = (value: number | undefined, digits: number) => (value === undefined ? '' : value.toFixed(digits));
    return [
      `${run.name} on ${run.dataSet}`,
      run.seed,
      `${Math.min(finished + 1, run.training.epochs)} of ${run.training.epochs}`,
      iteration ?? '',
      rounded(lossPerWord, 3),
      rounded(sentencesPerSecond, 1),
      rounded(seconds === undefined ? undefined : seconds / 60, 1),
    ];
  });
  return plainTable({ columns, rows }, 'Each run as of the last line of its metrics.csv');
}

/** Where a person may ask a trained run; of those that have a code. */
function exploration(shown: readonly Shown[]): Html[] {
  const withCode = shown.filter(({ measured }) => {
    const method = methods().find(({ name }) => name === measured.run.method);
    return method !== undefined && can(method.inference, 'code');
  });
  if (withCode.length === 0) return [];
  return [
    explorer(
      withCode.map(({ line, measured: { directory, run } }) => [directory, `${line}, seed ${run.seed}`] as const),
    ),
  ];
}

function verdicts(shown: readonly Shown[]): Html[] {
  const rows = shown.flatMap(({ line, measured: { run, manifest } }) =>
    manifest.verdict ? [[line, run.seed, manifest.verdict.collapse, manifest.verdict.reason]] : [],
  );
  const columns = ['Method', 'Seed', 'The code is', 'because'];
  return rows.length === 0 ? [] : [plainTable({ columns, rows }, 'By the validation of the epoch whose weights count')];
}

function tableOf({ table, dataSet, metrics = [] }: ReportedTable): Html {
  const compares = columnsWithErrors(table).length > 0;
  const meaning = meaningsOf(table)
    .map((one) => `; ${one}`)
    .join('');
  const beside = table.columns.some((name) => name.startsWith('Paper ') && hasSome(table, name))
    ? ", and the paper's"
    : '';
  return compares
    ? comparisonTable(
        table,
        `On ${dataSet}: ours ± standard error with the estimator beneath${beside}${meaning}`,
        metrics,
      )
    : textTable(table, `On ${dataSet}`);
}

/** What an epoch's validation says, in the order in which the chart offers it; what it says beside comes after. */
const EPOCH_QUANTITIES: Readonly<Record<string, { name: string; zero: boolean }>> = {
  validationLoss: { name: 'validation loss, nats a word', zero: false },
  validationPpl: { name: 'validation perplexity', zero: false },
  validationKl: { name: 'validation KL, nats a sentence', zero: true },
  validationRecon: { name: 'validation reconstruction, nats a sentence', zero: false },
  validationActiveUnits: { name: 'active units', zero: true },
  validationMutualInformation: { name: 'mutual information, nats', zero: true },
  lossPerWord: { name: 'training loss, nats a word', zero: false },
  seconds: { name: 'seconds of training', zero: true },
};

/** A chart's place on the page, and its numbers. */
interface DrawnChart {
  html: Html;
  numbers: PageChart;
}

/** The charts of training that there are numbers for. */
function epochCharts(shown: readonly Shown[]): DrawnChart[] {
  return [
    drawn(
      'epochs',
      epochViews(shown),
      'What validation said after each epoch; seeds of a method as their mean and a band.',
    ),
    drawn(
      'kl-by-dimension',
      [klView(shown)],
      'KL of each dimension on validation sentences, at the best epoch; of short runs, that of a Gaussian with the ' +
        'moments of their draws.',
    ),
    drawn(
      'gain-by-position',
      [gainView(shown)],
      'How much less a word surprises the decoder when it is given the inferred code and not one of the prior; on ' +
        'validation sentences, at the best epoch.',
    ),
    drawn(
      'movement',
      [
        movementView(shown, 'signalVariance', 'step of the variance between sentences of E[z]'),
        movementView(shown, 'posteriorVariance', 'step of the variance within a sentence of z'),
      ],
      'How far each dimension moves from an epoch to the next, as the mean of the steps. Too weak is a dimension in which ' +
        'sentences do not differ, too noisy one that varies more within a sentence than between them; one that does not ' +
        'move will stay so.',
    ),
  ].filter((one) => one !== null);
}

/** A figure as the page has it: a chart of its numbers, or else its pictures. */
async function figureOnPage({ name, dataSet, made }: ReportedFigure): Promise<{ html: Html[]; numbers?: PageChart }> {
  const told = made.chart?.();
  // More lines than are told apart are for the pictures, which may share them out.
  if (told === undefined || told?.views.some(({ series }) => series.length > MOST_LINES)) {
    const pictures = (await made.files()).filter(([file]) => file.endsWith('.svg'));
    return { html: pictures.map(([, svg]) => figure(svg, `On ${dataSet}`)) };
  }
  const one = told && drawn(`${name}-${dataSet}`, told.views, told.caption, true);
  return one === null ? { html: [] } : { html: [one.html], numbers: one.numbers };
}

/** A chart of the views that have a point; null where none has. */
function drawn(id: string, all: readonly ChartView[], caption: string, fixed = false): DrawnChart | null {
  const views = all.filter(({ series }) => series.some(({ x }) => x.length > 0));
  if (views.length === 0) return null;
  const names = views.map(({ name }) => name);
  return { html: chart(id, names, caption), numbers: { id, fixed, views } };
}

function epochViews(shown: readonly Shown[]): ChartView[] {
  const found = shown.flatMap(({ epochs }) => epochs.flatMap(({ numbers }) => Object.keys(numbers)));
  const others = [...new Set(found)].filter(
    (column) => !(column in EPOCH_QUANTITIES) && !column.includes('[') && !['epoch', 'iteration'].includes(column),
  );
  return [...Object.keys(EPOCH_QUANTITIES), ...others].map((column) => epochView(shown, column));
}

/** A column of metrics.csv over epochs. */
function epochView(shown: readonly Shown[], column: string): ChartView {
  const { name, zero } = EPOCH_QUANTITIES[column] ?? { name: column, zero: false };
  const series = bySeed(shown, ({ epochs }) =>
    epochs.flatMap(({ epoch, numbers }) => (numbers[column] === undefined ? [] : [{ x: epoch, y: numbers[column] }])),
  );
  return { name, xTitle: 'epoch', zero, top: axisTop(series), series };
}

/** KL of each dimension at the best epoch. A dimension's number means nothing, so they come from the largest down. */
function klView(shown: readonly Shown[]): ChartView {
  const series = bySeed(shown, ({ best }) =>
    ofBest(best, 'klDimension', 0)
      .flatMap((nats) => nats ?? [])
      .sort((a, b) => b - a)
      .map((y, rank) => ({ x: rank + 1, y })),
  );
  return { name: 'KL, nats a sentence', xTitle: 'dimensions, from the largest KL down', zero: true, series };
}

/** What the code gains at each position of a sentence, at the best epoch. */
function gainView(shown: readonly Shown[]): ChartView {
  const series = bySeed(shown, ({ best }) =>
    ofBest(best, 'gainPosition', 1).flatMap((y, i) => (y === null ? [] : [{ x: i + 1, y }])),
  );
  return { name: 'gain, nats a word', xTitle: 'position in the sentence', zero: true, series };
}

/** How far each dimension's part of a quantity moves between epochs: the mean of |step|, from the largest down. */
function movementView(shown: readonly Shown[], column: string, name: string): ChartView {
  const series = bySeed(shown, ({ epochs }) => {
    const parts = epochs.map((epoch) => indexedColumns(epoch, column, 0));
    const dimensions = Math.max(0, ...parts.map(({ length }) => length));
    return Array.from({ length: dimensions }, (_, d) => {
      const steps = parts.slice(1).flatMap((later, i) => {
        const [before, after] = [parts[i]![d], later[d]];
        return before == null || after == null ? [] : [Math.abs(after - before)];
      });
      return mean(steps) ?? [];
    })
      .flat()
      .sort((a, b) => b - a)
      .map((y, rank) => ({ x: rank + 1, y }));
  });
  return { name, xTitle: 'dimensions, from the farthest moving down', zero: true, series };
}

/** Parts of an epoch's quantity, in columns `<name>[<i>]`. @param first the least i that there is. */
function ofBest(best: Shown['best'], column: string, first: number): (number | null)[] {
  return best === undefined ? [] : indexedColumns(best, column, first);
}

/** A line for each method and setting that has a point. */
function bySeed(shown: readonly Shown[], curveOf: (one: Shown) => Curve): ChartView['series'] {
  return lineLabels(shown)
    .map((label) => seedSeries(label, shown.filter(({ line }) => line === label).map(curveOf)))
    .filter(({ x }) => x.length > 0);
}

/** Curves as on the page, as pictures of their own, by the name of their file: those that there are numbers for. */
export async function curveFigures(runs: readonly MeasuredRun[]): Promise<FigureFiles> {
  const shown = show(runs);
  const figures = [
    { file: 'training-curves.svg', title: 'Validation loss', view: epochView(shown, 'validationLoss') },
    { file: 'kl-by-dimension.svg', title: 'KL by latent dimension', view: klView(shown) },
    { file: 'gain-by-position.svg', title: 'What the code gains, by position', view: gainView(shown) },
  ].filter(({ view }) => view.series.length > 0);
  const labels = lineLabels(shown);
  const drawn: [string, string][] = [];
  for (const { file, title, view } of figures) drawn.push([file, await lineFigure({ ...view, title, labels })]);
  return drawn;
}

/** The maps of the runs that have one. */
function mapsOf(shown: readonly Shown[]): PageMap[] {
  return shown.flatMap(({ measured }, i) => {
    const map = keptPosterior(measured) === null ? null : keptPosteriorMap(measured);
    if (map === null) return [];
    const { points, prior, landmarks, ways } = map;
    return [{ id: `map-${i + 1}`, run: measured.directory, points, prior, landmarks, ways }];
  });
}

/** Figure 1 of every run that has it: a map to walk about in, or else its drawing. */
function posteriorFigures(shown: readonly Shown[], maps: readonly PageMap[], live: boolean): Html[] {
  return shown.flatMap(({ label, measured }) => {
    const summary = keptPosterior(measured);
    if (summary === null) return [];
    const folder = new RunFolder(measured.directory);
    const map = maps.find(({ run }) => run === measured.directory);
    const caption =
      `${label}: codes of ${summary.sentences} sentences of ${summary.split} and as many samples of the prior, by ` +
      `t-SNE. ${describePosterior(summary)}.`;
    const pick = live
      ? ' Pick two points to read what lies between them.'
      : ' Pick two of the ringed points, or others near them, to read what lies between them.';
    const drawing = folder.artifact(POSTERIOR.map);
    const marginals = folder.artifact(POSTERIOR.marginals);
    const shape = `${label}: the density of each latent dimension beside N(0, 1).`;
    return [
      ...(map === undefined ? [] : [codeMap(map.id, caption + pick)]),
      ...(map === undefined && drawing !== null ? [figure(drawing, caption)] : []),
      ...(marginals === null ? [] : [figure(marginals, shape)]),
    ];
  });
}

/** What the measured rows of the best weights would have a reader know. */
function warnings(shown: readonly Shown[], split: string): Html[] {
  const said = shown.flatMap(({ label, measured: { rows, manifest } }) =>
    rows
      .filter((row) => row.split === split && isOfSelected(row, manifest))
      .flatMap((row) => row.warnings.map((warning) => `${label}, ${row.metric} by ${row.estimator}: ${warning}`)),
  );
  return said.length === 0 ? [] : [bulletList([...new Set(said)])];
}

/** The commands that make the page again, and what made each run. */
function provenance(shown: readonly Shown[], lines: readonly string[]): Html[] {
  return [
    paragraph(
      "Each run's folder holds its resolved configuration, config.json, with what was set by hand when it was trained.",
    ),
    commands(lines),
    folded('What made each run', [
      facts(
        shown.map(({ label, measured }) => [
          label,
          shortHashes(
            PROVENANCE.map(([name, value]) => [name, value({ measured }) ?? ''])
              .filter(([, value]) => value !== '')
              .map(([name, value]) => `${name}: ${value}`)
              .join('; '),
          ),
        ]),
      ),
    ]),
  ];
}
