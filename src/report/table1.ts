// Table 1: perplexity, reconstruction, active units and KL of every method on one data set, beside the paper's numbers
// and with what is needed to trust or repeat ours.

import { DEFAULTS } from '../config/schema.js';
import type { SplitName } from '../data/splits.js';
import { MANY_UNKNOWN } from '../data/warnings.js';
import { ENCODER_ALONE, encoder } from '../evaluation/perplexity/encoder-estimator.js';
import { priorDraws } from '../evaluation/perplexity/importance.js';
import { percent } from '../notation.js';
import { type MeasuredRun, ofVariant, rowsOfSelected } from '../runs/measured-run.js';
import type { MeasuredRow } from '../runs/row.js';
import { type Against, againstLanguageModel } from './against.js';
import type { ReadingTable } from './layout.js';
import { PAPER_TABLE_1, type PaperRow } from './paper.js';
import { readingTable } from './reading.js';
import {
  bySeeds,
  mean,
  meanOverSeeds,
  range,
  SEEDS_PROVENANCE,
  type SeedMean,
  type Seeds,
  seedCount,
} from './seeds.js';
import {
  besideOurs,
  type Column,
  decimals,
  hasSome,
  inPaperOrder,
  makePaperTable,
  makeTable,
  methodLabel,
  type PaperColumn,
  significant,
  type Table,
  tableEstimator,
  tableRow,
} from './table.js';

/** Runs of one method, and what the table prints of them. */
export interface Table1Line {
  runs: Seeds;
  split: string;
  ppl: SeedMean | null;
  recon: SeedMean | null;
  au: SeedMean | null;
  kl: SeedMean | null;
  /** Of a method with an encoder, perplexity by draws of the encoder's Gaussian alone, on the sentences of `ppl`. */
  alone: SeedMean | null;
  /** Perplexity by `ais`, on the few sentences that it was run on. */
  ais: SeedMean | null;
  /** On those very sentences, perplexity by the table's own estimator. */
  besideAis: SeedMean | null;
}

/** A line of Table 1 beside LSTM-LM. */
interface ComparedLine extends Table1Line {
  against: Against | null;
}

/** The name of the column, and in text what it says. */
const KL_LEAST = 'KL at least';
const KL_LEAST_MEANING =
  `${KL_LEAST}: -log p(x) less Recon, where the KL that is given lies below it, as none can: q(z | x) is then far from the ` +
  'Gaussian that its KL is taken of';

/** The name of a column: the share of the split's words that are `<unk>`. */
const UNKNOWN_WORDS = 'Unknown words';

/** Nats a sentence that Recon and KL may fall short of -log p(x) by, all three being estimates. */
const SHORT_OF = 0.5;

/** What the KL is at least, Recon and KL together being a bound of -log p(x); null where it is no less, or that is not known. */
function leastKl({ ppl, recon, kl }: Table1Line): number | null {
  if (ppl?.value == null || recon?.value == null || kl?.value == null) return null;
  const counts = [ppl, recon, kl].map(({ rows }) => rows.map(({ sentences }) => sentences).join());
  if (new Set(counts).size > 1) return null;
  const nll = mean(
    ppl.rows.map(({ value, words, sentences }) =>
      value == null || words === undefined ? undefined : (Math.log(value) * words) / sentences,
    ),
  );
  return nll != null && recon.value + kl.value < nll - SHORT_OF ? nll - recon.value : null;
}

/** The quantities, and where they come from; what Table 1 and the ablation have in common. */
export const QUANTITY_COLUMNS: readonly Column<Table1Line>[] = [
  ['PPL', ({ ppl }) => decimals(ppl?.value)],
  ['Recon', ({ recon }) => decimals(recon?.value)],
  // A count, of which only a mean over seeds has decimals.
  ['AU', ({ au }) => (au?.value == null ? null : Number(au.value.toFixed(2)))],
  ['KL', ({ kl }) => decimals(kl?.value)],
];

/** How sure the quantities are, how they came about, and what made the runs. */
export const QUALITY_COLUMNS: readonly Column<Table1Line>[] = [
  ['PPL standard error', ({ ppl }) => significant(ppl?.standardError)],
  ['Recon standard error', ({ recon }) => significant(recon?.standardError)],
  ['AU standard error', ({ au }) => significant(au?.standardError)],
  ['KL standard error', ({ kl }) => significant(kl?.standardError)],
  ['PPL estimator', ({ ppl }) => ppl?.estimator],
  ['KL estimator', ({ kl }) => kl?.estimator],
  ['PPL draws', ({ ppl }) => range(ppl?.rows.map(({ draws }) => draws))],
  [
    'PPL effective sample size',
    ({ ppl }) => significant(mean(ppl?.rows.map(({ effectiveSampleSize: size }) => size?.mean))),
  ],
  [
    'PPL share below 2',
    ({ ppl }) => significant(mean(ppl?.rows.map(({ effectiveSampleSize: size }) => size?.shareBelow2))),
  ],
  ['PPL from q alone', ({ alone }) => decimals(alone?.value)],
  ['PPL from q alone standard error', ({ alone }) => significant(alone?.standardError)],
  ['AIS PPL', ({ ais }) => decimals(ais?.value)],
  ['AIS PPL standard error', ({ ais }) => significant(ais?.standardError)],
  ['PPL on AIS sentences', ({ besideAis }) => decimals(besideAis?.value)],
  ['AIS sentences', ({ ais }) => range(ais?.rows.map(({ sentences }) => sentences))],
  ['AIS acceptance', ({ ais }) => significant(mean(ais?.rows.map(({ acceptance }) => acceptance)))],
  [KL_LEAST, (line) => decimals(leastKl(line))],
  ['KL not positive definite', ({ kl }) => significant(mean(kl?.rows.map((row) => row.notPositiveDefinite)))],
  ['PPL sentences', ({ ppl }) => range(ppl?.rows.map(({ sentences }) => sentences))],
  ['Recon sentences', ({ recon }) => range(recon?.rows.map(({ sentences }) => sentences))],
  ['AU sentences', ({ au }) => range(au?.rows.map(({ sentences }) => sentences))],
  ['KL sentences', ({ kl }) => range(kl?.rows.map(({ sentences }) => sentences))],
  ['Seeds', ({ ppl, recon, au, kl }) => seedCount([ppl, recon, au, kl])],
  ['PPL sd', ({ ppl }) => significant(ppl?.deviation)],
  ['Recon sd', ({ recon }) => significant(recon?.deviation)],
  ['AU sd', ({ au }) => significant(au?.deviation)],
  ['KL sd', ({ kl }) => significant(kl?.deviation)],
  ['Split', ({ split }) => split],
  [
    UNKNOWN_WORDS,
    ({ runs, split }) => significant(mean(runs.map(({ manifest }) => manifest.unknownRate?.[split as SplitName]))),
  ],
  ['Partial', partialQuantities],
  ...SEEDS_PROVENANCE,
];

/** Names of the quantities that were measured on fewer sentences than the split has; nothing where there are none. */
function partialQuantities({ runs, split, ppl, recon, au, kl }: Table1Line): string | null {
  const all = Math.min(...runs.map(({ manifest }) => manifest.sentences[split as SplitName]));
  const names = Object.entries({ PPL: ppl, Recon: recon, AU: au, KL: kl })
    .filter(([, quantity]) => quantity?.rows.some(({ sentences }) => sentences < all))
    .map(([name]) => name);
  return names.length === 0 ? null : names.join('; ');
}

const PAPER_COLUMNS: readonly PaperColumn<PaperRow>[] = [
  ['Paper PPL', ({ ppl }) => decimals(ppl)],
  ['Paper Recon', ({ recon }) => decimals(recon)],
  ['Paper AU', ({ au }) => au],
  ['Paper KL', ({ kl }) => decimals(kl)],
];

/** The name of the column, and in text what it says. */
export const AGAINST = 'against LSTM-LM';
const AGAINST_MEANING =
  `${AGAINST}: the mean difference of -log p(x), nats a sentence, over the sentences that both were measured on, ` +
  "of each seed against LSTM-LM's of that seed, else its first; below 0 is better than LSTM-LM";

const AGAINST_COLUMNS: readonly Column<ComparedLine>[] = [
  [AGAINST, ({ against }) => decimals(against?.value)],
  [`${AGAINST} standard error`, ({ against }) => significant(against?.standardError)],
  [`${AGAINST} sentences`, ({ against }) => range(against?.sentences)],
  [`${AGAINST} seeds`, ({ against }) => against && [...new Set(against.seeds)].join('; ')],
];

/**
 * The estimator of a short run's KL that is fit to print: `jacobian`, or `gaussian` where some of the runs have steps that
 * are not invertible, so that `jacobian` is no bound of anything.
 */
export function klEstimator(runs: readonly MeasuredRun[], split: string): 'jacobian' | 'gaussian' {
  const disowned = runs.some((measured) => {
    const row = tableRow(measured, 'kl', split, 'jacobian');
    return row !== null && row.estimator === 'jacobian' && (row.notPositiveDefinite ?? 0) > 0;
  });
  return disowned ? 'gaussian' : 'jacobian';
}

/** The rows of a metric, or of one variant of it, that tables print of runs that stand side by side; null of those without. */
export function printedRows(
  runs: readonly MeasuredRun[],
  metric: MeasuredRow['metric'],
  variant: string | undefined,
  split: string,
): (MeasuredRow | null)[] {
  const ofAll = metric === 'kl' ? klEstimator(runs, split) : null;
  return runs.map((measured) => {
    const estimator = metric === 'ppl' ? tableEstimator(measured.run) : ofAll;
    return tableRow(ofVariant(measured, variant), metric, split, estimator);
  });
}

/**
 * What Table 1 says of some runs; null where nothing was measured of them on the split.
 * @param shortRunKl the estimator of a short run's KL that is preferred.
 */
export function table1Line(
  runs: Seeds,
  split: string,
  shortRunKl: string = klEstimator(runs, split),
): Table1Line | null {
  const over = (metric: MeasuredRow['metric'], estimator: string | null = null) =>
    meanOverSeeds(runs.map((measured) => tableRow(measured, metric, split, estimator)));
  const line = {
    runs,
    split,
    ppl: over('ppl', tableEstimator(runs[0]!.run)),
    recon: over('recon'),
    au: over('au'),
    kl: over('kl', shortRunKl),
    alone: meanOverSeeds(runs.map((measured) => aloneRow(measured, split))),
    ...aisCheck(runs, split),
  };
  return (line.ppl ?? line.recon ?? line.au ?? line.kl) ? line : null;
}

/** The row by the encoder's Gaussian alone that was measured with the one that the table prints. */
function aloneRow(measured: MeasuredRun, split: string): MeasuredRow | null {
  const printed = tableRow(measured, 'ppl', split, tableEstimator(measured.run));
  const alone = rowsOfSelected(measured, 'ppl', split).filter(
    ({ estimator, sentences }) => estimator === ENCODER_ALONE && sentences === printed?.sentences,
  );
  if (printed?.estimator !== encoder.name) return alone[0] ?? null;
  const share = Number(printed.settings.priorShare ?? DEFAULTS.evaluation.priorShare);
  return alone.find(({ draws }) => draws === printed.draws - priorDraws(share, printed.draws)) ?? null;
}

/**
 * What `ais` found, beside what the table's estimator says of the same sentences: of the seeds that have both, so that the two
 * compare; where none has, null stands for what was not asked.
 */
function aisCheck(runs: Seeds, split: string): Pick<Table1Line, 'ais' | 'besideAis'> {
  const own = tableEstimator(runs[0]!.run);
  const found = runs.map((measured) => {
    const fitting = rowsOfSelected(measured, 'ppl', split);
    const ais = fitting.find(({ estimator }) => estimator === 'ais');
    const beside = fitting.find((row) => row.estimator === own && row.sentences === ais?.sentences);
    return { ais: ais ?? null, beside: beside ?? null };
  });
  const both = found.filter(({ beside }) => beside !== null);
  const pairs = both.length > 0 ? both : found;
  return {
    ais: meanOverSeeds(pairs.map(({ ais }) => ais)),
    besideAis: meanOverSeeds(pairs.map(({ beside }) => beside)),
  };
}

/**
 * Table 1 of the given runs on a split, in the paper's order of methods, and with the paper's numbers where there are none
 * of ours. Runs that differ in their seed alone make one line; those with nothing measured are left out.
 */
export function table1(runs: readonly MeasuredRun[], split = 'test'): Table {
  const lines = bySeeds(runs).flatMap((seeds): ComparedLine[] => {
    const line = table1Line(seeds, split);
    return line === null ? [] : [{ ...line, against: againstLanguageModel(seeds, line.ppl, runs, split) }];
  });
  const published = PAPER_TABLE_1[lines[0]?.runs[0]?.run.dataSet ?? ''] ?? {};
  const columns: Column<ComparedLine>[] = [
    ['Method', ({ runs: [first] }) => methodLabel(first!)],
    ...QUANTITY_COLUMNS,
    ...besideOurs(PAPER_COLUMNS, published),
    ...AGAINST_COLUMNS,
    ...QUALITY_COLUMNS,
  ];
  return makePaperTable(columns, lines, PAPER_COLUMNS, published);
}

const MEASUREMENT_COLUMNS: readonly Column<{ measured: MeasuredRun; row: MeasuredRow }>[] = [
  ['Method', ({ measured }) => methodLabel(measured)],
  ['Setting', ({ measured }) => measured.run.setting],
  ['Seed', ({ measured }) => measured.run.seed],
  ['Epoch', ({ row }) => row.epoch],
  ['Metric', ({ row }) => row.metric],
  ['Variant', ({ row }) => row.variant],
  ['Estimator', ({ row }) => row.estimator],
  ['Value', ({ row }) => row.value],
  ['Standard error', ({ row }) => significant(row.standardError)],
  ['Split', ({ row }) => row.split],
  ['Sentences', ({ row }) => row.sentences],
  ['Words', ({ row }) => row.words],
  ['Draws', ({ row }) => row.draws],
  ['Effective sample size', ({ row }) => significant(row.effectiveSampleSize?.mean)],
  ['Least', ({ row }) => significant(row.effectiveSampleSize?.min)],
  ['Share below 2', ({ row }) => significant(row.effectiveSampleSize?.shareBelow2)],
  ['Not positive definite', ({ row }) => significant(row.notPositiveDefinite)],
  ['Acceptance', ({ row }) => significant(row.acceptance)],
  ['Seconds', ({ row }) => significant(row.seconds)],
  ['Backend', ({ row }) => row.backend],
  ['Threads', ({ row }) => row.threads],
  ['Commit', ({ row }) => row.commit],
  ['Data hash', ({ measured }) => measured.manifest.dataHash],
  [
    'Facts',
    ({ row }) =>
      Object.entries(row.facts ?? {})
        .map(([name, value]) => `${name} ${value}`)
        .join('; '),
  ],
  ['Warnings', ({ row }) => row.warnings.join('; ')],
];

/** What those columns of Table 1 say that are there, and do not say it by their names. */
export function meaningsOf(table: Table): string[] {
  return [
    ...(hasSome(table, AGAINST) ? [AGAINST_MEANING] : []),
    ...(hasSome(table, KL_LEAST) ? [KL_LEAST_MEANING] : []),
    ...unknownWords(table),
  ];
}

/** What makes the perplexities of a text easy to have. */
function unknownWords({ columns, rows }: Table): string[] {
  const at = columns.indexOf(UNKNOWN_WORDS);
  const most = at < 0 ? 0 : rows.reduce((largest, row) => Math.max(largest, Number(row[at])), 0);
  if (most <= MANY_UNKNOWN) return [];
  return [
    `${percent(most)} of the words measured are unknown and read as <unk>: a perplexity of such text is low for nothing`,
  ];
}

/** Everything that was measured of the runs, a line each: every estimator, every epoch, every split. */
export function measurements(runs: readonly MeasuredRun[]): Table {
  return makeTable(
    MEASUREMENT_COLUMNS,
    inPaperOrder(runs).flatMap((measured) =>
      measured.rows
        .toSorted((a, b) => a.epoch - b.epoch || a.metric.localeCompare(b.metric))
        .map((row) => ({ measured, row })),
    ),
  );
}

/**
 * The columns of the paper, for reading: numbers with their standard errors, then the paper's own; where LSTM-LM was
 * measured, what each does against it; what draws of an encoder's Gaussian alone say; and where `ais` was run, what it found
 * on its sentences, after what the row's own estimator says of them.
 */
export function readingTable1(table: Table): ReadingTable {
  const checked = hasSome(table, 'AIS PPL');
  const compared = hasSome(table, AGAINST);
  const reading = readingTable(
    table,
    ['PPL', 'Recon', 'AU', 'KL', ...(compared ? [AGAINST] : [])],
    [
      ...(compared ? ([['on sentences', `${AGAINST} sentences`]] as const) : []),
      ['PPL by', 'PPL estimator'],
      ['KL by', 'KL estimator'],
      ...(hasSome(table, KL_LEAST) ? ([[KL_LEAST, KL_LEAST]] as const) : []),
      ['epochs', 'Epochs'],
      ...(hasSome(table, 'PPL from q alone') ? ([['PPL from q alone', 'PPL from q alone']] as const) : []),
      ...(checked
        ? ([
            ['PPL on few', 'PPL on AIS sentences'],
            ['PPL by ais', 'AIS PPL'],
          ] as const)
        : []),
    ],
  );
  return { ...reading, notes: [...reading.notes, ...meaningsOf(table)] };
}
