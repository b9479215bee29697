// Perplexity against KL: how much a method's code holds, and what that costs or gains. A setting of which one number varies that
// decides between the two - the last temperature of short runs, free bits, a KL weight, a committed rate - is a curve, a run a
// point of it; the language model, which has no code, is a line.

import { identityOf } from '../config/identity.js';
import { sweptLabel } from '../config/sweep.js';
import { type VariedQuantity, variationName } from '../config/variations.js';
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
import { type Column, makeTable, methodLabel, type Table } from './table.js';
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
 * is none, nothing is returned. What a study varies beside has curves of its own, `SRI (from-lm-hiddenSize-64)`.
 */
export const frontierLines = once((runs: readonly MeasuredRun[], split: string): FrontierLine[] => {
  const curves = new Map<string, FrontierLine[]>();
  const references: { line: FrontierLine; beside: string }[] = [];
  const found = bySeeds(runs).flatMap((seeds) => {
    const [first] = seeds;
    const method = methods().find(({ name }) => name === first!.run.method);
    if (method === undefined) return [];
    const varied = variedValue(first!);
    const isReference = !can(method.inference, 'code');
    if (!isReference && varied === null) return [];
    const beside = variationBeside(first!, varied);
    const curve = JSON.stringify([method.name, first!.run.setting, beside, first!.manifest.dataHash]);
    return [{ seeds, method, varied, isReference, beside, curve }];
  });
  // Of a study, what has no curve is not shown, and not asked for its KL either.
  const shown = found.filter(
    ({ isReference, beside, curve }) =>
      isReference || beside === '' || found.filter((other) => other.curve === curve).length > 1,
  );
  // One estimator for all short runs: of two kinds there is no curve.
  const kl = klEstimator(
    shown.flatMap(({ seeds }) => seeds),
    split,
  );
  const several = new Set(shown.map(({ seeds: [first] }) => first!.manifest.dataHash)).size > 1;
  for (const { seeds, method, varied, isReference, beside, curve: key } of shown) {
    const [first] = seeds;
    const line = table1Line(seeds, split, kl);
    if (line?.ppl == null) continue;
    const { run, manifest } = first!;
    const corpus = several ? ` of corpus ${manifest.dataHash.slice(0, 8)}` : '';
    if (isReference) {
      references.push({ line: { ...line, curve: `${methodLabel(first!)}${corpus}`, varied: null }, beside });
      continue;
    }
    if (varied === null || line.kl === null) continue;
    const names = [run.setting ?? '', beside].filter((name) => name !== '').join('-');
    const curve = `${method.label}${names === '' ? '' : ` (${names})`}${corpus}`;
    curves.set(key, [...(curves.get(key) ?? []), { ...line, curve, varied }]);
  }
  const drawn = [...curves].filter(([, points]) => points.length > 1);
  if (drawn.length === 0) return [];
  // The language model of a study's variant stands beside the curves of that variant alone.
  const besides = shown.flatMap(({ beside, curve }) => (drawn.some(([key]) => key === curve) ? [beside] : []));
  const across = references.filter(({ beside }) => beside === '' || besides.some((whole) => isPart(beside, whole)));
  return [
    ...across.map(({ line }) => line),
    ...drawn.flatMap(([, points]) => points.toSorted((a, b) => a.varied!.value - b.varied!.value)),
  ];
});

/** What the run's name says beside its setting and the number that its curve varies: `hiddenSize-64`, or nothing. */
function variationBeside({ run }: MeasuredRun, varied: FrontierLine['varied']): string {
  const whole = identityOf(run).variation ?? '';
  if (varied === null) return whole;
  const { quantity, value } = varied;
  const key = methods()
    .find(({ name }) => name === run.method)!
    .variations![quantity]!.key(run);
  // Behind another number that figures vary, it is named as a study names any key.
  const own = [variationName(varied), sweptLabel(key, value)].find((name) => isPart(name, whole));
  return own === undefined ? whole : `-${whole}-`.replace(`-${own}-`, '-').replace(/^-|-$/g, '');
}

/** Whether a name is one of those that another is made of. */
function isPart(name: string, whole: string): boolean {
  return name !== '' && `-${whole}-`.includes(`-${name}-`);
}

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
