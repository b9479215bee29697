// Perplexity against KL: how much a method's code holds, and what that costs or gains. A setting of which one number varies that
// decides between the two - the last temperature of short runs, free bits, a KL weight, a committed rate - is a curve, a run a
// point of it; the language model, which has no code, is a line.

import type { VariedQuantity } from '../config/variations.js';
import { can } from '../methods/capability.js';
import type { Inference } from '../methods/method.js';
import { methods } from '../methods/registry.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { FigureChart } from './define-figure.js';
import type { FrontierCurve, FrontierFigure } from './figures/frontier.js';
import type { ReadingTable } from './layout.js';
import { MOST_LINES } from './line-styles.js';
import { once } from './once.js';
import { around, type ChartSeries, type ChartView } from './page-numbers.js';
import type { Varying } from './product.js';
import { readingTable } from './reading.js';
import { bySeeds } from './seeds.js';
import { type Column, makeTable, methodLabel, type Table, variedIn } from './table.js';
import { klEstimator, QUALITY_COLUMNS, QUANTITY_COLUMNS, type Table1Line, table1Line } from './table1.js';

/** What curves are drawn through: last temperatures of short runs, KL weights, and free bits and committed rates in nats. */
const VARYING = [
  { quantity: 'temperature', values: [0.4, 0.55, 0.7, 0.8, 0.9] },
  { quantity: 'target', values: [2, 4, 8, 16] },
  { quantity: 'beta', values: [0.2, 0.4, 0.7, 1] },
  { quantity: 'rate', values: [2, 4, 8, 16] },
] as const satisfies readonly Varying[];

/** Runs that are drawn unless others are named. */
export const FRONTIER_RUNS: readonly string[] = ['lstm-lm', 'sri@from-lm', 'sri@annealed', 'fb-vae'];

/** What a curve may vary; nothing of a model without a code, which is a line across. */
export function frontierVarying(inference: Inference): readonly Varying[] {
  return can(inference, 'code') ? VARYING : [];
}

export interface FrontierLine extends Table1Line {
  /** Of its curve, such as `SRI (annealed)`. */
  curve: string;
  /** What varies along the curve, and its value here; null for the language model. */
  varied: { quantity: VariedQuantity; value: number } | null;
}

/**
 * Points by curve, each in the order of what varies, after the language model's. A curve has two points or more; where there
 * is none, nothing is returned.
 */
export const frontierLines = once((runs: readonly MeasuredRun[], split: string): FrontierLine[] => {
  const curves = new Map<string, FrontierLine[]>();
  const references: FrontierLine[] = [];
  const shown = bySeeds(runs).flatMap((seeds) => {
    const [first] = seeds;
    const found = methods().find(({ name }) => name === first!.run.method);
    if (found === undefined || ['steps', 'other'].includes(variedIn(first!) ?? '')) return [];
    const varied = variedValue(first!);
    const isReference = !can(found.inference, 'code');
    return isReference || varied !== null ? [{ seeds, found, varied, isReference }] : [];
  });
  // One estimator for all short runs: of two kinds there is no curve.
  const kl = klEstimator(
    shown.flatMap(({ seeds }) => seeds),
    split,
  );
  for (const { seeds, found, varied, isReference } of shown) {
    const [first] = seeds;
    const { method, setting } = first!.run;
    const line = table1Line(seeds, split, kl);
    if (line?.ppl == null) continue;
    if (isReference) {
      references.push({ ...line, curve: methodLabel(first!), varied: null });
      continue;
    }
    if (varied === null || line.kl === null) continue;
    const key = JSON.stringify([method, setting]);
    const curve = `${found.label}${setting === null ? '' : ` (${setting})`}`;
    curves.set(key, [...(curves.get(key) ?? []), { ...line, curve, varied }]);
  }
  const drawn = [...curves.values()].filter((points) => points.length > 1);
  if (drawn.length === 0) return [];
  return [...references, ...drawn.flatMap((points) => points.toSorted((a, b) => a.varied!.value - b.varied!.value))];
});

/** What a run of the frontier varies; null of a method that has nothing of it. */
function variedValue({ run }: MeasuredRun): FrontierLine['varied'] {
  const variations = methods().find(({ name }) => name === run.method)?.variations;
  for (const { quantity } of VARYING) {
    const varied = variations?.[quantity];
    if (varied !== undefined) return { quantity, value: varied.of(run) };
  }
  return null;
}

/** A line for each point. */
export function frontierTable(lines: readonly FrontierLine[]): Table {
  const columns: Column<FrontierLine>[] = [
    ['Curve', ({ curve }) => curve],
    ['Varied', ({ varied }) => varied?.quantity],
    ['Value', ({ varied }) => varied?.value],
    ...QUANTITY_COLUMNS,
    ...QUALITY_COLUMNS,
  ];
  return makeTable(columns, lines);
}

/** The quantities, for reading. */
export function readingFrontier(table: Table): ReadingTable {
  return readingTable(
    table,
    ['PPL', 'Recon', 'AU', 'KL'],
    [
      ['value', 'Value'],
      ['PPL by', 'PPL estimator'],
      ['KL by', 'KL estimator'],
      ['epochs', 'Epochs'],
    ],
  );
}

/** What the figure shows: points whose perplexity and KL are finite. */
export function frontierFigureOf(lines: readonly FrontierLine[]): Omit<FrontierFigure, 'title'> {
  const curves = new Map<string, FrontierCurve>();
  for (const { curve, varied, ppl, kl } of lines) {
    if (varied === null || ppl?.value == null || kl?.value == null) continue;
    const points = curves.get(curve)?.points ?? [];
    const point = {
      value: varied.value,
      ppl: { value: ppl.value, standardError: ppl.standardError },
      kl: { value: kl.value, standardError: kl.standardError },
    };
    curves.set(curve, { label: curve, points: [...points, point] });
  }
  const references = lines.flatMap(({ curve, varied, ppl }) =>
    varied !== null || ppl?.value == null
      ? []
      : [{ label: curve, ppl: { value: ppl.value, standardError: ppl.standardError } }],
  );
  return { curves: [...curves.values()], references };
}

/** The figure, as a chart of the page; null where there is no curve. */
export function frontierChart(lines: readonly FrontierLine[]): FigureChart | null {
  const drawn = frontierFigureOf(lines);
  if (drawn.curves.length === 0) return null;
  const left = drawn.curves.length - MOST_CURVES;
  const more = left > 0 ? ` The first ${MOST_CURVES} curves of ${drawn.curves.length}; the table has all.` : '';
  const caption = `Perplexity over KL, each curve along what it varies; bands are standard errors.${more}`;
  return { views: [frontierView(drawn)], caption };
}

/** Curves of a frontier, beside the line of a model without a code. */
const MOST_CURVES = MOST_LINES - 1;

/** Perplexity over KL; a model without a code is a line across. */
function frontierView({ curves, references }: ReturnType<typeof frontierFigureOf>): ChartView {
  const drawn = curves.slice(0, MOST_CURVES).map(({ label, points }): ChartSeries => {
    const ordered = points.toSorted((a, b) => a.kl.value - b.kl.value);
    return {
      label,
      seeds: 1,
      x: ordered.map(({ kl }) => kl.value),
      notes: ordered.map(({ value }) => `at ${value}`),
      ...around(ordered.map(({ ppl }) => ppl)),
    };
  });
  const reached = drawn.flatMap(({ x }) => x);
  const ends = [Math.min(...reached), Math.max(...reached)];
  const across = references
    .slice(0, 1)
    .map(({ label, ppl }): ChartSeries => ({ label, seeds: 1, x: ends, ...around(ends.map(() => ppl)) }));
  return { name: 'perplexity', xTitle: 'KL, nats a sentence', zero: false, series: [...drawn, ...across] };
}
