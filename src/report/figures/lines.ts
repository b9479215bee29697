// Curves over one quantity. As many as are told apart without colour share one plot; more have a small plot each, all of one
// scale, over the range and the median of all, so that each is seen and still compared.

import type { TopLevelSpec } from 'vega-lite';
import { LINE_STYLES, MOST_LINES } from '../line-styles.js';
import type { ChartView } from '../page-numbers.js';
import { REFERENCE_COLOUR, renderSvg } from './render.js';

/** A picture of one quantity of a chart. */
export interface LineFigure extends Pick<ChartView, 'name' | 'xTitle' | 'zero' | 'top' | 'series'> {
  title: string;
  /** Every line of the report, so that each looks the same in all of its figures; as far as styles go. */
  labels?: readonly string[] | undefined;
}

/** Curves of fewer points than this show each of them. */
const SHOWN_POINTS = 40;

/** Small plots in a row. */
const PLOTS_IN_ROW = 4;
/** Of what lies behind a curve for comparison. */
const BEHIND = '#d9d9d9';

/** A point of a curve; without a band, its edges are the value itself. */
interface Point {
  label: string;
  x: number;
  y: number;
  low: number;
  high: number;
}

/** Draws the curves as SVG: those of several seeds as their mean in a band from the lowest to the highest. */
export function lineFigure({ title, name, xTitle, zero, top, series, labels = [] }: LineFigure): Promise<string> {
  const curves = series.map(({ label, x, y, low = y, high = y }) =>
    x.map((x, i): Point => ({ label, x, y: y[i]!, low: low[i]!, high: high[i]! })),
  );
  const dots = curves.every(({ length }) => length < SHOWN_POINTS);
  const clip = top !== undefined;
  const above = top === undefined ? 0 : curves.flat().filter(({ y }) => y > top).length;
  const leftOut = above === 0 ? [] : [`${above} of ${curves.flat().length} points lie above`];
  const spec =
    curves.length > MOST_LINES
      ? {
          title: {
            text: title,
            subtitle: [
              `${name}, over ${xTitle}; grey: from the least to the greatest of all, and their median`,
              ...leftOut,
            ],
            subtitleFontSize: 11,
          },
          ...smallPlots(curves, { axes: axesOf(null, null, { zero, top }), dots, clip }),
        }
      : {
          title: leftOut.length === 0 ? title : { text: title, subtitle: leftOut, subtitleFontSize: 11 },
          ...onePlot(curves, { axes: axesOf(xTitle, name, { zero, top }), dots, clip }, labels),
        };
  return renderSvg({ description: `${title}: ${name}, over ${xTitle}`, ...spec } as TopLevelSpec);
}

interface Drawn {
  axes: ReturnType<typeof axesOf>;
  /** Whether each point is shown. */
  dots: boolean;
  /** Whether some lie beyond the axis. */
  clip: boolean;
}

function axesOf(xTitle: string | null, yTitle: string | null, { zero, top }: Pick<LineFigure, 'zero' | 'top'>) {
  return {
    x: {
      field: 'x',
      type: 'quantitative',
      title: xTitle,
      axis: { grid: false, tickMinStep: 1 },
      scale: { zero: false, nice: false, padding: 6 },
    },
    y: {
      field: 'y',
      type: 'quantitative',
      title: yTitle,
      scale: { zero, ...(top !== undefined && { domainMax: top }) },
    },
  };
}

/** Band, line and points of curves, in their colour; a line may have a look besides. */
function layers({ axes: { y }, dots, clip }: Drawn, { color, line }: { color: object; line?: object }) {
  const band = { y: { ...y, field: 'low' }, y2: { field: 'high' }, color };
  return [
    { mark: { type: 'area', opacity: 0.18, clip }, encoding: band },
    { mark: { type: 'line', strokeWidth: 2, clip }, encoding: { y, color, ...line } },
    ...(dots
      ? [
          {
            mark: { type: 'point', filled: true, size: 26, opacity: 1, clip },
            encoding: { y, color },
          },
        ]
      : []),
  ];
}

function onePlot(curves: readonly Point[][], drawn: Drawn, labels: readonly string[]) {
  const own = curves.flatMap(([first]) => first?.label ?? []);
  const all = [...new Set([...labels, ...own])];
  const domain = all.length > MOST_LINES ? own : all;
  const legend = { title: null, values: own, symbolType: 'stroke', symbolSize: 700, symbolOpacity: 1 };
  const by = (range: readonly unknown[]) => ({
    field: 'label',
    type: 'nominal',
    scale: { domain, range: range.slice(0, domain.length) },
    legend,
  });
  const color = by(LINE_STYLES.map(({ colour }) => colour));
  const line = { strokeDash: by(LINE_STYLES.map(({ dash }) => dash)) };
  return {
    width: 520,
    height: 300,
    data: { values: curves.flat() },
    encoding: { x: drawn.axes.x },
    layer: layers(drawn, { color, line }),
  };
}

function smallPlots(curves: readonly Point[][], drawn: Drawn) {
  const { x, y } = drawn.axes;
  const behind = {
    data: { values: together(curves.flat()) },
    encoding: { x },
    layer: [
      {
        mark: { type: 'area', color: BEHIND, opacity: 0.6, clip: drawn.clip },
        encoding: { y: { ...y, field: 'least' }, y2: { field: 'greatest' } },
      },
      {
        mark: { type: 'line', color: REFERENCE_COLOUR, strokeWidth: 1, clip: drawn.clip },
        encoding: { y: { ...y, field: 'median' } },
      },
    ],
  };
  return {
    columns: PLOTS_IN_ROW,
    spacing: { row: 14, column: 14 },
    resolve: { scale: { x: 'shared', y: 'shared' } },
    concat: curves.map((points) => ({
      title: { text: points[0]?.label ?? '', fontSize: 12, offset: 4 },
      width: 150,
      height: 100,
      layer: [
        behind,
        {
          data: { values: points },
          encoding: { x },
          layer: layers(drawn, { color: { value: LINE_STYLES[0].colour } }),
        },
      ],
    })),
  };
}

/** What the curves are at each x, taken together. */
function together(points: readonly Point[]): { x: number; least: number; median: number; greatest: number }[] {
  const at = new Map<number, Point[]>();
  for (const point of points) at.set(point.x, [...(at.get(point.x) ?? []), point]);
  return [...at]
    .sort(([a], [b]) => a - b)
    .map(([x, here]) => {
      const values = here.map(({ y }) => y).sort((a, b) => a - b);
      const [below, above] = [Math.floor, Math.ceil].map((round) => values[round((values.length - 1) / 2)]!);
      return {
        x,
        least: Math.min(...here.map(({ low }) => low)),
        median: (below! + above!) / 2,
        greatest: Math.max(...here.map(({ high }) => high)),
      };
    });
}
