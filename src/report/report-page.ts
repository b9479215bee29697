// What stands on the report's page, and in which order: the verdicts first, then the tables, the figures, and what is
// needed to make all of it again. It reads run folders and nothing else.

import { methods } from '../methods/registry.js';
import { isOfSelected, type MeasuredRun } from '../runs/measured-run.js';
import { describePosterior, keptPosterior, POSTERIOR } from '../runs/posterior.js';
import { RunFolder } from '../runs/run-folder.js';
import { type StepsLine, stepsLines, stepsPoints } from './ablation.js';
import { gainByPosition } from './figures/gain-by-position.js';
import { klByDimension } from './figures/kl-by-dimension.js';
import { stepsAblation } from './figures/steps-ablation.js';
import { trainingCurves } from './figures/training-curves.js';
import {
  bulletList,
  commands,
  comparisonTable,
  facts,
  figure,
  type Html,
  htmlReport,
  paragraph,
  plainTable,
  type Section,
} from './html.js';
import { partNotice } from './part.js';
import { studies, sweptValue } from './sweep.js';
import { hasSome, inPaperOrder, methodLabel, PROVENANCE, type Table, variedIn } from './table.js';
import { AGAINST, AGAINST_MEANING } from './table1.js';
import { type EpochNumbers, indexedColumns, readEpochs } from './training-log.js';

export interface ReportPage {
  dataSet: string;
  /** The split that the tables are of. */
  split: string;
  runs: readonly MeasuredRun[];
  /** Those that have a row, each with what the paper calls it. */
  tables: readonly { number: number | null; caption: string; table: Table }[];
  /** The config file, as a command names it. */
  config: string;
}

/** A run with its name on the page and its epochs. */
interface Shown {
  label: string;
  measured: MeasuredRun;
  epochs: readonly EpochNumbers[];
  /** That of the best weights; undefined where the log does not have it. */
  best: EpochNumbers | undefined;
}

/** The page as one text. */
export async function reportPage({ dataSet, split, runs, tables, config }: ReportPage): Promise<string> {
  const shown = show(inPaperOrder(runs));
  const part = partNotice(runs);
  const sections: Section[] = [
    { title: 'A part of the data', body: part === null ? [] : [paragraph(part)] },
    { title: 'Is the code used?', body: verdicts(shown) },
    ...tables.map(({ caption, table }) => ({ title: caption, body: [tableOf(table, dataSet)] })),
    { title: 'Training', body: await trainingFigures(shown, split) },
    { title: 'Aggregate posterior', body: posteriorFigures(shown) },
    { title: 'Warnings', body: warnings(shown, split) },
    { title: 'How to make this again', body: provenance(shown, tables, config) },
  ];
  return htmlReport({
    title: `Results on ${dataSet}`,
    sections: sections.filter(({ body }) => body.length > 0),
  });
}

/** Names the runs: the method as in the tables, then what tells it from others of the method. */
function show(runs: readonly MeasuredRun[]): Shown[] {
  return runs.map((measured) => {
    const { run, manifest, directory } = measured;
    const twin = runs.some((other) => other.run.name === run.name && other.run.seed !== run.seed);
    const epochs = readEpochs(new RunFolder(directory).metricsText());
    return {
      label: twin ? `${methodLabel(measured)} seed ${run.seed}` : methodLabel(measured),
      measured,
      epochs,
      best: epochs.find(({ epoch }) => epoch === manifest.selectedEpoch),
    };
  });
}

/**
 * Labels in the order of their colours. The methods come first, whether they are shown or not, so that each looks the same
 * in the reports of all data sets.
 */
function colourOrder(shown: readonly Shown[]): string[] {
  return [...new Set([...methods().map(({ label }) => label), ...shown.map(({ label }) => label)])];
}

function verdicts(shown: readonly Shown[]): Html[] {
  const judged = shown.flatMap(({ label, measured: { manifest } }): [string, string][] =>
    manifest.verdict ? [[label, `${manifest.verdict.collapse}: ${manifest.verdict.reason}`]] : [],
  );
  return judged.length === 0 ? [] : [facts(judged)];
}

function tableOf(table: Table, dataSet: string): Html {
  const compares = table.columns.some((name) => table.columns.includes(`${name} standard error`));
  const meaning = hasSome(table, AGAINST) ? `; ${AGAINST_MEANING}` : '';
  return compares
    ? comparisonTable(
        table,
        `On ${dataSet}: ours ± standard error with the estimator beneath, and the paper's${meaning}`,
      )
    : plainTable(table, `On ${dataSet}`);
}

/** The figures that there are numbers for. */
async function trainingFigures(shown: readonly Shown[], split: string): Promise<Html[]> {
  const labels = colourOrder(shown);
  const ofBest = (column: string, first: number) =>
    shown
      .map(({ label, best }) => ({ label, nats: best === undefined ? [] : indexedColumns(best, column, first) }))
      .filter(({ nats }) => nats.length > 0);
  const kl = ofBest('klDimension', 0);
  const gain = ofBest('gainPosition', 1);
  const steps = stepsLines(
    shown.map(({ measured }) => measured),
    split,
  );
  const figures = [
    {
      there: shown.some(({ epochs }) => epochs.length > 0),
      draw: () => drawCurves(shown),
      caption: 'Loss on validation sentences after each epoch.',
    },
    {
      there: kl.length > 0,
      draw: () => klByDimension(kl, labels),
      caption:
        'KL of each dimension on validation sentences, at the best epoch; of short runs, that of a Gaussian with the ' +
        'moments of their draws.',
    },
    {
      there: gain.length > 0,
      draw: () => gainByPosition(gain, labels),
      caption:
        'How much less a word surprises the decoder when it is given the inferred code and not one of the prior; on ' +
        'validation sentences, at the best epoch.',
    },
    {
      there: steps.length > 1,
      draw: () => stepsAblation(stepsPoints(steps)),
      caption: `What K, the number of Langevin steps, does${estimatorsOf(steps)}; whiskers are standard errors.`,
    },
  ];
  return Promise.all(
    figures.filter(({ there }) => there).map(async ({ draw, caption }) => figure(await draw(), caption)),
  );
}

/** `: PPL by fitted, KL by jacobian`. */
function estimatorsOf(lines: readonly StepsLine[]): string {
  const [ppl, kl] = [lines.map((line) => line.ppl), lines.map((line) => line.kl)].map((quantities) =>
    quantities.find((quantity) => quantity !== null),
  );
  const said = [...(ppl ? [`PPL by ${ppl.estimator}`] : []), ...(kl ? [`KL by ${kl.estimator}`] : [])];
  return said.length === 0 ? '' : `: ${said.join(', ')}`;
}

/** Validation losses as on the page, as a picture of its own; null where no epoch was validated. */
export async function curvesFigure(runs: readonly MeasuredRun[]): Promise<string | null> {
  const shown = show(inPaperOrder(runs));
  return shown.some(({ epochs }) => epochs.length > 0) ? drawCurves(shown) : null;
}

function drawCurves(shown: readonly Shown[]): Promise<string> {
  const curves = shown.map(({ label, epochs }) => ({
    label,
    epochs: epochs.map(({ epoch, numbers }) => ({ epoch, validationLoss: numbers.validationLoss ?? null })),
  }));
  return trainingCurves(curves, colourOrder(shown));
}

/** Figure 1 of every run that has it. */
function posteriorFigures(shown: readonly Shown[]): Html[] {
  return shown.flatMap(({ label, measured }) => {
    const summary = keptPosterior(measured);
    if (summary === null) return [];
    const folder = new RunFolder(measured.directory);
    const captions = {
      [POSTERIOR.map]:
        `${label}: codes of ${summary.sentences} sentences of ${summary.split} and as many samples of the prior, by ` +
        `t-SNE. ${describePosterior(summary)}.`,
      [POSTERIOR.marginals]: `${label}: the density of each latent dimension beside N(0, 1).`,
    };
    return Object.entries(captions).flatMap(([name, caption]) => {
      const svg = folder.artifact(name);
      return svg === null ? [] : [figure(svg, caption)];
    });
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

/** The commands that make the page again, by the seeds of its runs. */
function provenance(shown: readonly Shown[], tables: ReportPage['tables'], config: string): Html[] {
  const numbers = tables.flatMap(({ number }) => number ?? []);
  const asked = numbers.length === 0 ? '' : ` --tables ${numbers.join(',')}`;
  const checked = shown.some(({ measured: { rows } }) => rows.some(({ estimator }) => estimator === 'ais'));
  const seeds = [...new Set(shown.map(({ measured }) => measured.run.seed))];
  const lines = [
    `sri prepare --config ${config}`,
    ...seeds.flatMap((seed) => {
      const runs = shown.map(({ measured }) => measured).filter(({ run }) => run.seed === seed);
      const byName = (measured: MeasuredRun) => !['steps', 'other'].includes(variedIn(measured) ?? '');
      const own = runs.filter((measured) => byName(measured) && measured.rows.length > 0);
      const varied = runs.filter((measured) => variedIn(measured) === 'steps' && measured.rows.length > 0);
      const names = own.map(({ run }) => run.name).join(',');
      const bases = [...new Set(varied.map(({ run }) => run.name.replace(/[@-]steps-\d+$/, '')))].join(',');
      return [
        ...runs
          .filter(({ rows }) => rows.length === 0)
          .map(({ run }) => `sri train --config ${config} --method ${run.name} --seed ${seed}`),
        ...(own.length === 0
          ? []
          : [`sri reproduce --config ${config}${asked}${checked ? ' --ais' : ''} --methods ${names} --seed ${seed}`]),
        ...(varied.length === 0
          ? []
          : [`sri reproduce --config ${config} --ablation steps --methods ${bases} --seed ${seed}`]),
      ];
    }),
    ...studies(shown.map(({ measured }) => measured)).map(({ variants, keys }) => {
      const { method, setting } = variants[0]![0]!.run;
      const swept = keys.map((key) => {
        const values = new Set(variants.map(([first]) => sweptValue(first!, key) ?? 'null'));
        return ` --sweep ${key}=${[...values].join(',')}`;
      });
      const ofStudy = [...new Set(variants.flat().map(({ run }) => run.seed))].join(',');
      const name = setting === null ? method : `${method}@${setting}`;
      return `sri reproduce --config ${config} --methods ${name}${swept.join('')} --seeds ${ofStudy}`;
    }),
    ...shown
      .filter(({ measured: { directory } }) => new RunFolder(directory).artifact(POSTERIOR.summary) !== null)
      .map(({ measured: { run } }) => `sri posterior --config ${config} --method ${run.name} --seed ${run.seed}`),
    `sri report --config ${config} --html`,
  ];
  return [
    paragraph(
      "Each run's folder holds its resolved configuration, config.json, with what was set by hand when it was trained.",
    ),
    commands(lines),
    facts(
      shown.map(({ label, measured }) => [
        label,
        PROVENANCE.map(([name, value]) => [name, value({ measured }) ?? ''])
          .filter(([, value]) => value !== '')
          .map(([name, value]) => `${name}: ${value}`)
          .join('; '),
      ]),
    ),
  ];
}
