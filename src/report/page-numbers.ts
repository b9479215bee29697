// The numbers behind the page's charts and maps, as its script reads them: runs that differ in their seed alone are one line
// with a band from the lowest seed to the highest.

import type { PosteriorMap } from '../runs/posterior-files.js';
import type { LineStyle } from './line-styles.js';

/** A line of a chart; the arrays are of one length. */
export interface ChartSeries {
  label: string;
  /** How many seeds it is the mean of, at most. */
  seeds: number;
  /** In increasing order. */
  x: number[];
  y: number[];
  /** The band's edges; absent where there is none. */
  low?: number[];
  high?: number[];
  /** What else a reader is told of each point. */
  notes?: string[];
}

/** One quantity of a chart. */
export interface ChartView {
  /** With its unit. */
  name: string;
  xTitle: string;
  /** Whether the axis begins at zero. */
  zero: boolean;
  /** Where the axis ends, short of what lies far above all else; absent where it shows all. */
  top?: number | undefined;
  series: ChartSeries[];
}

export interface PageChart {
  /** Of its element. */
  id: string;
  /** Whether it shows all its lines, whichever runs are chosen. */
  fixed: boolean;
  views: ChartView[];
}

export interface PageMap extends Pick<PosteriorMap, 'points' | 'prior' | 'landmarks' | 'ways'> {
  id: string;
  /** The run's folder, for a server to be asked of. */
  run: string;
}

export interface PageNumbers {
  /** Lines to choose from. */
  labels: string[];
  /** Labels of the lines that are shown before a person chooses. */
  first: string[];
  /** How lines look; as many are shown at a time. */
  styles: readonly Pick<LineStyle, 'colour' | 'onDark' | 'dash'>[];
  charts: PageChart[];
  maps: PageMap[];
  /** Of a page that a server keeps up to date and that may ask it, which of its states this is; null for a file. */
  live: { version: number } | null;
}

/** The points of one seed. */
export type Curve = readonly { x: number; y: number }[];

/** Seeds as one line: the mean at each x over the seeds that have it, between the lowest and the highest. */
export function seedSeries(label: string, curves: readonly Curve[]): ChartSeries {
  const at = new Map<number, number[]>();
  for (const { x, y } of curves.flat()) at.set(x, [...(at.get(x) ?? []), y]);
  const points = [...at].sort(([a], [b]) => a - b);
  const series = {
    label,
    seeds: Math.max(0, ...points.map(([, values]) => values.length)),
    x: points.map(([x]) => x),
    y: points.map(([, values]) => round(values.reduce((sum, value) => sum + value) / values.length)),
  };
  if (series.seeds < 2) return series;
  return {
    ...series,
    low: points.map(([, values]) => round(Math.min(...values))),
    high: points.map(([, values]) => round(Math.max(...values))),
  };
}

/** Values with a band of a standard error to each side. */
export function around(
  measured: readonly { value: number; standardError: number | null }[],
): Required<Pick<ChartSeries, 'y' | 'low' | 'high'>> {
  return {
    y: measured.map(({ value }) => value),
    low: measured.map(({ value, standardError }) => value - (standardError ?? 0)),
    high: measured.map(({ value, standardError }) => value + (standardError ?? 0)),
  };
}

/** Six digits, as metrics.csv has. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}
