// Perplexity against KL, a curve for each setting that varies: which temperature, or which free bits, to take.

import type { TopLevelSpec } from 'vega-lite';
import { REFERENCE_COLOUR, renderSvg } from './render.js';

interface CurveQuantity {
  value: number;
  standardError: number | null;
}

export interface FrontierCurve {
  label: string;
  /** In the order in which they are joined. */
  points: readonly {
    /** Of what varies. */
    value: number;
    ppl: CurveQuantity;
    /** Nats a sentence. */
    kl: CurveQuantity;
  }[];
}

export interface FrontierFigure {
  title: string;
  curves: readonly FrontierCurve[];
  /** Models without a code, each a line across. */
  references: readonly { label: string; ppl: CurveQuantity }[];
}

/** Colours that stay apart for the colour-blind (Okabe and Ito 2008). */
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];

/** Whiskers are a standard error to each side; beside each point stands what it varies, as SVG. */
export function frontierFigure({ title, curves, references }: FrontierFigure): Promise<string> {
  const around = (name: string, { value, standardError }: CurveQuantity) => ({
    [name]: value,
    [`${name}Low`]: value - (standardError ?? 0),
    [`${name}High`]: value + (standardError ?? 0),
  });
  const points = curves.flatMap(({ label, points }) =>
    points.map(({ value, ppl, kl }, order) => ({ label, order, value, ...around('ppl', ppl), ...around('kl', kl) })),
  );
  const domain = curves.map(({ label }) => label);
  const colour = {
    field: 'label',
    type: 'nominal',
    scale: { domain, range: domain.map((_, i) => COLOURS[i % COLOURS.length]!) },
    legend: { title: null, symbolType: 'circle', symbolStrokeWidth: 2 },
  };
  const x = { field: 'kl', type: 'quantitative', title: 'KL, nats a sentence', scale: { zero: false, padding: 12 } };
  const y = { field: 'ppl', type: 'quantitative', title: 'perplexity', scale: { zero: false, padding: 12 } };
  const lines = references.map(({ label, ppl }) => ({ label, ...around('ppl', ppl) }));
  const spec = {
    title,
    description: `${title}: perplexity over KL`,
    width: 480,
    height: 320,
    layer: [
      {
        data: { values: lines },
        mark: { type: 'rule', strokeDash: [6, 3], color: REFERENCE_COLOUR, strokeWidth: 1.5 },
        encoding: { y },
      },
      {
        data: { values: lines },
        mark: { type: 'text', align: 'left', baseline: 'bottom', dx: 4, dy: -2, color: REFERENCE_COLOUR },
        encoding: { x: { value: 0 }, y, text: { field: 'label' } },
      },
      {
        data: { values: points },
        mark: { type: 'line', strokeWidth: 1.8 },
        encoding: { x, y, color: colour, order: { field: 'order', type: 'quantitative' } },
      },
      {
        data: { values: points },
        mark: { type: 'rule', strokeWidth: 1 },
        encoding: { x, y: { ...y, field: 'pplLow' }, y2: { field: 'pplHigh' }, color: colour },
      },
      {
        data: { values: points },
        mark: { type: 'rule', strokeWidth: 1 },
        encoding: { x: { ...x, field: 'klLow' }, x2: { field: 'klHigh' }, y, color: colour },
      },
      {
        data: { values: points },
        mark: { type: 'circle', size: 36, opacity: 1 },
        encoding: { x, y, color: colour },
      },
      {
        data: { values: points },
        mark: { type: 'text', align: 'left', baseline: 'bottom', dx: 5, dy: -4, fontSize: 10 },
        encoding: { x, y, color: colour, text: { field: 'value', type: 'quantitative' } },
      },
    ],
  };
  return renderSvg(spec as TopLevelSpec);
}
