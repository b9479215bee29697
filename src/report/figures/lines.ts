// Curves over one quantity, one a run: what training curves, KL by dimension and gain by position have in common.

import type { TopLevelSpec } from 'vega-lite';
import { renderSvg } from './render.js';

/** A curve, and the name it has in the legend. */
export interface Series {
  label: string;
  /** In increasing order of x; a y that is null leaves a gap. */
  points: readonly { x: number; y: number | null }[];
}

export interface LineFigure {
  title: string;
  xTitle: string;
  yTitle: string;
  series: readonly Series[];
  /** Every label of the report, in the order of their colours, so that a run looks the same in each of its figures. */
  labels?: readonly string[] | undefined;
  /** Whether the y axis begins at zero: for quantities, not for losses. */
  zero: boolean;
}

/**
 * Colours that stay apart for the colour-blind (Okabe and Ito 2008), but for their yellow, too pale on white, in whose
 * stead wine stands. They come in an order that gives the last of the paper's nine methods, its own, the strongest.
 */
const COLOURS = [
  '#000000',
  '#8c8c8c',
  '#56b4e9',
  '#009e73',
  '#e69f00',
  '#cc79a7',
  '#882255',
  '#0072b2',
  '#d55e00',
] as const;

/** Neighbours differ in their dash too. As nine is no multiple of four, no early pair of colour and dash returns. */
const DASHES = [
  [1, 0],
  [7, 3],
  [2, 2],
  [7, 2, 2, 2],
] as const;

/** Curves of fewer points than this show each of them. */
const SHOWN_POINTS = 40;

/** Draws the curves as SVG, with a legend of those that are there. */
export function lineFigure({
  title,
  xTitle,
  yTitle,
  series,
  labels = series.map(({ label }) => label),
  zero,
}: LineFigure): Promise<string> {
  const domain = [...labels];
  const cycle = <T>(range: readonly T[]) => domain.map((_, i) => range[i % range.length]!);
  const legend = {
    title: null,
    values: labels.filter((label) => series.some((one) => one.label === label)),
    symbolType: 'stroke',
    symbolSize: 700,
    symbolStrokeWidth: 2,
  };
  const longest = series.reduce((most, { points }) => Math.max(most, points.length), 0);
  const colour = { field: 'label', type: 'nominal', scale: { domain, range: cycle(COLOURS) }, legend };
  const strokeDash = { field: 'label', type: 'nominal', scale: { domain, range: cycle(DASHES) }, legend };
  const line = { mark: { type: 'line', strokeWidth: 2 }, encoding: { color: colour, strokeDash } };
  const dots = { mark: { type: 'circle', size: 24, opacity: 1 }, encoding: { color: colour } };
  const spec = {
    title,
    description: `${title}: ${yTitle}, over ${xTitle}`,
    width: 520,
    height: 300,
    data: { values: series.flatMap(({ label, points }) => points.map((point) => ({ label, ...point }))) },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: xTitle,
        axis: { grid: false, tickMinStep: 1 },
        scale: { zero: false, nice: false, padding: 6 },
      },
      y: { field: 'y', type: 'quantitative', title: yTitle, scale: { zero } },
    },
    layer: longest < SHOWN_POINTS ? [line, dots] : [line],
  };
  return renderSvg(spec as TopLevelSpec);
}
