// Perplexity against KL, a curve for each setting that varies: which temperature, or which free bits, to take.

import type { TopLevelSpec } from 'vega-lite';
import { LINE_STYLES, MOST_LINES } from '../line-styles.js';
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

/**
 * Whiskers are a standard error to each side; beside each point stands what it varies, as SVG. More curves than are told
 * apart in one plot have a small one each, over the others in grey.
 */
export function frontierFigure({ title, curves, references }: FrontierFigure): Promise<string> {
  const across = referenceLayers(references);
  const description = `${title}: perplexity over KL`;
  if (curves.length <= MOST_LINES) {
    const domain = curves.map(({ label }) => label);
    const by = (range: readonly unknown[]) => ({
      field: 'label',
      type: 'nominal',
      scale: { domain, range: range.slice(0, domain.length) },
      legend: { title: null, symbolSize: 120, symbolStrokeWidth: 2 },
    });
    const look = {
      color: by(LINE_STYLES.map(({ colour }) => colour)),
      shape: by(LINE_STYLES.map(({ shape }) => shape)),
      strokeDash: by(LINE_STYLES.map(({ dash }) => dash)),
    };
    const layer = [...across, ...curveLayers(curves, look)];
    return renderSvg({ title, description, width: 480, height: 320, layer } as TopLevelSpec);
  }
  const plots = curves.map((curve) => ({
    title: { text: curve.label, fontSize: 12, offset: 4 },
    width: 230,
    height: 170,
    layer: [
      ...across,
      ...curves
        .filter((other) => other !== curve)
        .map(({ points }) => ({
          data: { values: points.map(({ ppl, kl }, order) => ({ order, ppl: ppl.value, kl: kl.value })) },
          mark: { type: 'line', strokeWidth: 1, color: REFERENCE_COLOUR, opacity: 0.5 },
          encoding: { x: X, y: Y, order: ORDER },
        })),
      ...curveLayers([curve], { color: { value: LINE_STYLES[0].colour } }),
    ],
  }));
  const text = { text: title, subtitle: 'each curve over the others, in grey', subtitleFontSize: 11 };
  const shared = { scale: { x: 'shared', y: 'shared' } };
  return renderSvg({ title: text, description, columns: 3, resolve: shared, concat: plots } as TopLevelSpec);
}

const X = { field: 'kl', type: 'quantitative', title: 'KL, nats a sentence', scale: { zero: false, padding: 12 } };
const Y = { field: 'ppl', type: 'quantitative', title: 'perplexity', scale: { zero: false, padding: 12 } };
/** In which points are joined. */
const ORDER = { field: 'order', type: 'quantitative' };

function around(name: string, { value, standardError }: CurveQuantity) {
  return {
    [name]: value,
    [`${name}Low`]: value - (standardError ?? 0),
    [`${name}High`]: value + (standardError ?? 0),
  };
}

/** A line across for each model without a code. */
function referenceLayers(references: FrontierFigure['references']) {
  const data = { values: references.map(({ label, ppl }) => ({ label, ppl: ppl.value })) };
  return [
    {
      data,
      mark: { type: 'rule', strokeDash: [6, 3], color: REFERENCE_COLOUR, strokeWidth: 1.5 },
      encoding: { y: Y },
    },
    {
      data,
      mark: { type: 'text', align: 'left', baseline: 'bottom', dx: 4, dy: -2, color: REFERENCE_COLOUR },
      encoding: { x: { value: 0 }, y: Y, text: { field: 'label' } },
    },
  ];
}

/** @param look what tells curves apart. */
function curveLayers(curves: readonly FrontierCurve[], look: { color: object; shape?: object; strokeDash?: object }) {
  const { color, shape, strokeDash } = look;
  const values = curves.flatMap(({ label, points }) =>
    points.map(({ value, ppl, kl }, order) => ({ label, order, value, ...around('ppl', ppl), ...around('kl', kl) })),
  );
  const layers = [
    {
      mark: { type: 'line', strokeWidth: 1.8 },
      encoding: { x: X, y: Y, color, order: ORDER, ...(strokeDash && { strokeDash }) },
    },
    {
      mark: { type: 'rule', strokeWidth: 1 },
      encoding: { x: X, y: { ...Y, field: 'pplLow' }, y2: { field: 'pplHigh' }, color },
    },
    {
      mark: { type: 'rule', strokeWidth: 1 },
      encoding: { x: { ...X, field: 'klLow' }, x2: { field: 'klHigh' }, y: Y, color },
    },
    {
      mark: { type: 'point', filled: true, size: 44, opacity: 1 },
      encoding: { x: X, y: Y, color, ...(shape && { shape }) },
    },
    {
      mark: { type: 'text', align: 'left', baseline: 'bottom', dx: 5, dy: -4, fontSize: 10 },
      encoding: { x: X, y: Y, color, text: { field: 'value', type: 'quantitative' } },
    },
  ];
  return layers.map((layer) => ({ data: { values }, ...layer }));
}
