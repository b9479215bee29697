// Footnote 2 of the paper: what the number of Langevin steps, K, does to the quantities of Table 1. The runs to compare are
// found by what they are, not by what they are called.

import { experiment } from '../config/learned.js';
import { methods } from '../methods/registry.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { FigureChart } from './define-figure.js';
import type { StepsPoint } from './figures/steps-ablation.js';
import type { ReadingTable } from './layout.js';
import { once } from './once.js';
import { around, type ChartView } from './page-numbers.js';
import { readingTable } from './reading.js';
import { bySeeds, type SeedMean, type Seeds } from './seeds.js';
import { type Column, makeTable, methodLabel, type Table } from './table.js';
import { klEstimator, QUALITY_COLUMNS, QUANTITY_COLUMNS, type Table1Line, table1Line } from './table1.js';

/** The numbers of Langevin steps that the paper tried. */
export const ABLATION_STEPS = [10, 20, 40, 60] as const;

export interface StepsLine extends Table1Line {
  /** K. */
  steps: number;
}

/**
 * Short-run models that differ in the number of their steps, in the steps' sizes and shared gradients where those follow
 * from it, and in their seeds; with fewer steps first. Of several such groups the one with the most numbers of steps.
 *
 * @returns nothing where there is only one number of steps.
 */
export const stepsLines = once((runs: readonly MeasuredRun[], split: string): StepsLine[] => {
  const groups = new Map<string, Map<number, Seeds>>();
  for (const seeds of bySeeds(runs)) {
    const { run, manifest } = seeds[0]!;
    const varied = methods().find((method) => method.name === run.method)?.variations?.steps;
    if (varied === undefined) continue;
    const steps = varied.of(run);
    const { name, setting, ...others } = experiment(run);
    const key = JSON.stringify([without(others, varied.follow ?? []), manifest.dataHash]);
    const group = groups.get(key) ?? new Map<number, Seeds>();
    groups.set(key, group);
    if (!group.has(steps)) group.set(steps, seeds);
  }
  const largest = [...groups.values()].sort((a, b) => b.size - a.size)[0];
  if (largest === undefined || largest.size < 2) return [];
  // One estimator for all: of two kinds there is no curve.
  const kl = klEstimator([...largest.values()].flat(), split);
  return [...largest]
    .sort(([a], [b]) => a - b)
    .flatMap(([steps, seeds]) => {
      const line = table1Line(seeds, split, kl);
      return line === null ? [] : [{ steps, ...line }];
    });
});

/** A run's keys but those named, as `langevin.steps`. */
function without(keys: object, left: readonly string[]): object {
  const copy = structuredClone(keys);
  for (const name of left) {
    const path = name.split('.');
    const last = path.pop()!;
    const holder = path.reduce<Record<string, unknown> | undefined>(
      (inner, key) => inner?.[key] as Record<string, unknown> | undefined,
      copy as Record<string, unknown>,
    );
    if (holder !== undefined) delete holder[last];
  }
  return copy;
}

/** A line for each K. */
export function stepsTable(lines: readonly StepsLine[]): Table {
  const columns: Column<StepsLine>[] = [['K', ({ steps }) => steps], ...QUANTITY_COLUMNS, ...QUALITY_COLUMNS];
  return makeTable(columns, lines);
}

/** The quantities, for reading. */
export function readingSteps(table: Table): ReadingTable {
  return readingTable(
    table,
    ['PPL', 'Recon', 'AU', 'KL'],
    [
      ['PPL by', 'PPL estimator'],
      ['KL by', 'KL estimator'],
      ['epochs', 'Epochs'],
    ],
  );
}

/** What the figure shows. Numbers by another estimator than the first K's are left out: of two kinds there is no curve. */
export function stepsPoints(lines: readonly StepsLine[]): StepsPoint[] {
  const comparable = (of: (line: StepsLine) => SeedMean | null, line: StepsLine) => {
    const first = lines.map(of).find((quantity) => quantity !== null);
    const quantity = of(line);
    return quantity?.estimator === first?.estimator ? quantity : null;
  };
  return lines.map((line) => ({
    steps: line.steps,
    ppl: comparable(({ ppl }) => ppl, line),
    recon: comparable(({ recon }) => recon, line),
    kl: comparable(({ kl }) => kl, line),
  }));
}

/** The figure, as a chart of the page. @param lines two or more. */
export function stepsChart(lines: readonly StepsLine[]): FigureChart {
  const caption = `What K, the number of Langevin steps, does${estimatorsOf(lines)}; bands are standard errors.`;
  return { views: stepsViews(lines), caption };
}

function stepsViews(lines: readonly StepsLine[]): ChartView[] {
  const points = stepsPoints(lines);
  const quantities = [
    ['ppl', 'perplexity', false],
    ['recon', 'reconstruction, nats a sentence', false],
    ['kl', 'KL, nats a sentence', true],
  ] as const;
  return quantities.map(([quantity, name, zero]) => {
    const known = points.flatMap((point) => {
      const { value = null, standardError = null } = point[quantity] ?? {};
      return value === null ? [] : [{ steps: point.steps, value, standardError }];
    });
    const series = {
      label: methodLabel(lines[0]!.runs[0]!).replace(/ \(.*\)$/, ''),
      seeds: 1,
      x: known.map(({ steps }) => steps),
      ...around(known),
    };
    return { name, xTitle: 'Langevin steps, K', zero, series: [series] };
  });
}

/** `: PPL by fitted, KL by jacobian`. */
function estimatorsOf(lines: readonly StepsLine[]): string {
  const [ppl, kl] = [lines.map((line) => line.ppl), lines.map((line) => line.kl)].map((quantities) =>
    quantities.find((quantity) => quantity !== null),
  );
  const said = [...(ppl ? [`PPL by ${ppl.estimator}`] : []), ...(kl ? [`KL by ${kl.estimator}`] : [])];
  return said.length === 0 ? '' : `: ${said.join(', ')}`;
}
