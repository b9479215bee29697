// From a description of a figure to its picture: Vega-Lite specifications in one look, drawn as SVG text without a browser
// or a canvas. The same numbers give the same bytes.

import type { TopLevelSpec } from 'vega-lite';
import { shown } from '../../text.js';

/** Of what a figure is about, where that is one thing. */
export const SUBJECT_COLOUR = '#0072b2';

/** For what is not the subject: reference curves, the prior. */
export const REFERENCE_COLOUR = '#8c8c8c';

const INK = '#222222';
const FAINT = '#e4e4e4';

const CONFIG = {
  font: 'sans-serif',
  // A reader of the screen gets the figure's description; a label on each of thousands of marks would only be weight.
  mark: { aria: false },
  axis: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    gridColor: FAINT,
    domainColor: REFERENCE_COLOUR,
    tickColor: REFERENCE_COLOUR,
    labelFlush: false,
  },
  legend: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    // No end of a name is cut off.
    labelLimit: 0,
    titleLimit: 0,
    symbolSize: 80,
  },
  header: { labelColor: INK, titleColor: INK },
  title: { color: INK, fontSize: 13, fontWeight: 'normal', anchor: 'start', offset: 10 },
  view: { stroke: null },
};

/**
 * Draws a figure as a standalone `<svg>` element.
 *
 * @param spec what is this figure's own; what is common to all is added here.
 * @throws {Error} where the specification, not the data in it, is at fault.
 */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  // They take longer to load than most commands that draw nothing take in all.
  const [{ logger, None, parse, View, Warn }, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const compiled = compile({ ...spec, config: CONFIG, background: '#ffffff', padding: 8 } as TopLevelSpec, {
    logger: logger(Warn, 'warn', (_method, _level, words) => fail(words)),
  });
  const view = new View(parse(compiled.spec), { renderer: 'none', logLevel: None });
  try {
    return shorten(readable(await view.toSVG()));
  } finally {
    view.finalize();
  }
}

function fail(words: unknown[]): never {
  throw new Error(`a figure's specification is not right: ${words.join(' ')}`);
}

/** XML has no place for control characters, which a label may hold. */
function readable(svg: string): string {
  return shown(svg).replace(/[\ufffe\uffff]/g, '\ufffd');
}

/** Coordinates to a hundredth of a pixel: a third of the bytes, and no digits that differ between processors. */
function shorten(svg: string): string {
  return svg.replace(/ (?:d|transform|x2|y2)="[^"]*"/g, (attribute) =>
    attribute.replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (number) => String(Number(Number(number).toFixed(2)) + 0)),
  );
}
