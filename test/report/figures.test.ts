import { describe, expect, it } from 'vitest';
import { axisTop } from '../../src/report/axis-top.js';
import { frontierFigure } from '../../src/report/figures/frontier.js';
import { lineFigure } from '../../src/report/figures/lines.js';
import { marginalDensities } from '../../src/report/figures/marginal-densities.js';
import { posteriorScatter } from '../../src/report/figures/posterior-scatter.js';
import { stepsAblation } from '../../src/report/figures/steps-ablation.js';
import { MOST_LINES } from '../../src/report/line-styles.js';
import { seedSeries } from '../../src/report/page-numbers.js';
import { type Element, elementsOf } from './markup.js';

type Point = [x: number, y: number];

/** The marks of one kind, without those of legends and axes, in the order of drawing. */
function marks(svg: string, role: 'mark-symbol' | 'mark-line' | 'mark-area' | 'mark-rule'): Element[] {
  const elements = elementsOf(svg);
  const groups: Element[] = [];
  let inside = Number.POSITIVE_INFINITY;
  for (const element of elements) {
    const depth = element.within.length;
    if (depth <= inside) inside = Number.POSITIVE_INFINITY;
    const named = element.attributes.class ?? '';
    if (named.includes(role) && named.includes('role-mark')) inside = depth;
    else if (depth === inside + 1) groups.push(element);
  }
  expect(groups.length, role).toBeGreaterThan(0);
  return groups;
}

function placeOf({ attributes }: Element): Point {
  const [x, y] = attributes.transform!.match(/-?[\d.]+/g)!.map(Number);
  return [x!, y!];
}

function pathOf({ attributes }: Element): Point[] {
  return [...attributes.d!.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

function texts(svg: string): string[] {
  return elementsOf(svg)
    .filter(({ name, attributes }) => name === 'text' && attributes.opacity !== '0')
    .map(({ text }) => text);
}

/** Slope and intercept of the line through the first two, which all the others must be on, to a pixel's hundredth. */
function expectAffine(from: number[], to: number[], slope?: number): number {
  const last = from.length - 1;
  const fitted = (to[last]! - to[0]!) / (from[last]! - from[0]!);
  for (let i = 0; i <= last; i++) expect(Math.abs(to[0]! + fitted * (from[i]! - from[0]!) - to[i]!)).toBeLessThan(0.03);
  if (slope !== undefined) expect(fitted / slope).toBeCloseTo(1, 2);
  return fitted;
}

const series = [
  seedSeries('LSTM-LM', [[3, 1, 2, 0.5].map((y, i) => ({ x: i + 1, y }))]),
  seedSeries('<unk> & "co"', [[0.1, 0.4, 0.3, 0.2, 0].map((y, i) => ({ x: i + 1, y }))]),
];
const gain = { title: 'What the code gains', name: 'gain, nats', xTitle: 'position', zero: true };
const many = Array.from({ length: MOST_LINES + 1 }, (_, i) =>
  seedSeries(`method ${i}`, [[1, 2, 3].map((x) => ({ x, y: x + i }))]),
);
const frontier = (curves: number) => ({
  title: 'Perplexity against KL',
  curves: Array.from({ length: curves }, (_, c) => ({
    label: `curve ${c}`,
    points: [1, 2, 3].map((value) => ({
      value,
      ppl: { value: 90 + c - value, standardError: 1 },
      kl: { value: c + 2 * value, standardError: null },
    })),
  })),
  references: [{ label: 'LSTM-LM', ppl: { value: 96, standardError: 1 } }],
});
const steps = [10, 20, 40].map((K, i) => ({
  steps: K,
  ppl: { value: 100 - 5 * i, standardError: 2 },
  recon: { value: 90 - i, standardError: null },
  kl: i === 1 ? null : { value: 8 + i, standardError: 0.5 },
}));
const density = (scale: number) => {
  const at = Float64Array.from({ length: 201 }, (_, i) => (scale * (i - 100)) / 25);
  return { at, value: at.map((x) => Math.exp(-((x / scale) ** 2) / 2) / (scale * Math.sqrt(2 * Math.PI))) };
};
const marginals = [1, 0.5, 1.2].map((s) => ({ mean: s - 1, standardDeviation: s, density: density(s) }));
const map = Float64Array.of(-30, 10, 0, 0, 20, -5, 25, 31);
const prior = Float64Array.of(1, 2, -3, 4, 9, -9);

const FIGURES: [name: string, draw: () => Promise<string>][] = [
  ['curves in one plot', () => lineFigure({ ...gain, series })],
  ['curves in a plot each', () => lineFigure({ ...gain, series: many })],
  ['the frontier', () => frontierFigure(frontier(2))],
  ['a frontier of many curves', () => frontierFigure(frontier(6))],
  ['the number of steps', () => stepsAblation(steps)],
  [
    'the map',
    () => posteriorScatter({ title: 'SRI on <ptb>', posterior: map, prior, classes: ['a&b', '<c>', 'a&b', '<c>'] }),
  ],
  ['the marginal densities', () => marginalDensities({ title: 'SRI & co', marginals })],
];

describe.each(FIGURES)('%s', (_, draw) => {
  it('is one well-formed drawing, complete in itself, in generic fonts', async () => {
    const svg = await draw();
    const elements = elementsOf(svg);
    expect(elements[0]!.name).toBe('svg');
    expect(elements.filter(({ within }) => within.length === 0)).toHaveLength(1);
    const fonts = elements.flatMap(({ attributes }) => attributes['font-family'] ?? []);
    expect(fonts.length).toBeGreaterThan(0);
    expect(new Set(fonts)).toEqual(new Set(['sans-serif']));
    for (const { name, attributes } of elements) {
      expect(['svg', 'g', 'rect', 'path', 'line', 'text', 'tspan']).toContain(name);
      expect(attributes).not.toHaveProperty('id');
    }
  });

  it('is drawn in the same bytes again', async () => {
    expect(await draw()).toBe(await draw());
  });
});

describe('curves', () => {
  it('pass where their numbers are', async () => {
    const [first, second] = marks(await lineFigure({ ...gain, series }), 'mark-line').map(pathOf);
    const slope = expectAffine(
      [1, 2, 3, 4],
      first!.map(([x]) => x),
    );
    const down = expectAffine(
      series[0]!.y,
      first!.map(([, y]) => y),
    );
    expect(slope).toBeGreaterThan(0);
    expect(down).toBeLessThan(0);
    expectAffine(
      [1, 2, 3, 4, 5],
      second!.map(([x]) => x),
      slope,
    );
    expectAffine(
      series[1]!.y,
      second!.map(([, y]) => y),
      down,
    );
  });

  it('end short of what lies far above all others, which is counted', async () => {
    const flat = Array.from({ length: 11 }, (_, c) => ({
      label: `run ${c}`,
      seeds: 1,
      x: [1, 2, 3, 4],
      y: [4 - c / 10, 3.6, 3.4, 3.3],
    }));
    const diverged = { label: 'diverged', seeds: 1, x: [1, 2, 3, 4], y: [3.5, 12, 34, 35] };
    expect(axisTop(flat)).toBeUndefined();
    expect(axisTop([])).toBeUndefined();
    const all = [...flat, diverged];
    // Nine tenths of the 48 points go up to 3.8 at most, and 12 is more than three times their height above.
    const top = axisTop(all)!;
    expect(top).toBe(4);
    const svg = await lineFigure({ ...gain, series: all, top });
    expect(svg).toContain('>3 of 48 points lie above<');
    expect(texts(await lineFigure({ ...gain, series: all })).join()).not.toContain('lie above');
    const few = await lineFigure({ ...gain, series: [flat[0]!, diverged], top: 4 });
    expect(texts(few)).toContain('3 of 8 points lie above');
  });

  it('of several seeds are their mean in a band from the lowest to the highest', async () => {
    const seeds = [
      [1, 4, 2],
      [3, 6, 3],
    ].map((values) => values.map((y, i) => ({ x: i + 1, y })));
    const svg = await lineFigure({ ...gain, series: [seedSeries('SRI', seeds)] });
    const [line] = marks(svg, 'mark-line').map(pathOf);
    const [band] = marks(svg, 'mark-area').map(pathOf);
    const down = expectAffine(
      [2, 5, 2.5],
      line!.map(([, y]) => y),
    );
    // Along the lowest, then back along the highest.
    const edges = [...band!].map(([, y]) => y);
    expectAffine([1, 4, 2, 3, 6, 3], edges, down);
  });

  it('have the looks of their place among all labels, and a legend of those shown', async () => {
    const labels = ['AE', ...series.map(({ label }) => label), 'SRI'];
    const looks = async (of: typeof series, all?: string[]) =>
      marks(await lineFigure({ ...gain, series: of, labels: all }), 'mark-line').map(
        ({ attributes }) => `${attributes.stroke} ${attributes['stroke-dasharray']}`,
      );
    const together = await looks(series, labels);
    expect(new Set(together).size).toBe(2);
    expect(await looks([series[1]!], labels)).toEqual([together[1]]);
    expect(await looks(series)).not.toEqual(together);
    const shown = texts(await lineFigure({ ...gain, series, labels }));
    expect(shown).toEqual(expect.arrayContaining(['LSTM-LM', '<unk> & "co"']));
    expect(shown).not.toContain('AE');
    expect(shown).not.toContain('SRI');
  });

  it('share a plot as long as their dashes tell them apart, and have one each where they are more', async () => {
    const lines = async (count: number) =>
      marks(await lineFigure({ ...gain, series: many.slice(0, count) }), 'mark-line').map(
        ({ attributes }) => attributes,
      );
    const few = await lines(MOST_LINES);
    expect(new Set(few.map((look) => look['stroke-dasharray'])).size).toBe(MOST_LINES);
    const svg = await lineFigure({ ...gain, series: many });
    const drawn = marks(svg, 'mark-line').map((line) => pathOf(line).map(([, y]) => y));
    expect(drawn).toHaveLength(2 * many.length);
    // Each over the median of all, halfway between the two in the middle.
    const own = drawn.filter((_, i) => i % 2 === 1);
    expect(new Set(own.map(String)).size).toBe(many.length);
    const median = own[2]!.map((y, i) => (y + own[3]![i]!) / 2);
    for (const behind of drawn.filter((_, i) => i % 2 === 0)) {
      median.forEach((y, at) => {
        expect(behind[at]).toBeCloseTo(y, 1);
      });
    }
    expect(texts(svg)).toEqual(expect.arrayContaining(many.map(({ label }) => label)));
  });
});

describe('the frontier', () => {
  it('tells its curves apart by dash and shape, and has a plot for each where they are many', async () => {
    const few = await frontierFigure(frontier(MOST_LINES));
    expect(new Set(marks(few, 'mark-line').map(({ attributes }) => attributes['stroke-dasharray'])).size).toBe(
      MOST_LINES,
    );
    expect(new Set(marks(few, 'mark-symbol').map(({ attributes }) => attributes.d)).size).toBe(MOST_LINES);
    const each = await frontierFigure(frontier(6));
    // Its own points stand out; the other five lie behind.
    expect(marks(each, 'mark-symbol')).toHaveLength(6 * 3);
    expect(marks(each, 'mark-line')).toHaveLength(6 * 6);
    expect(texts(each)).toEqual(expect.arrayContaining(['curve 0', 'curve 5', 'LSTM-LM']));
  });

  it('has whiskers of a standard error to each side of either quantity', async () => {
    const { curves, ...rest } = frontier(1);
    const points = curves[0]!.points.map((point) => ({ ...point, kl: { ...point.kl, standardError: 0.25 } }));
    const svg = await frontierFigure({ ...rest, curves: [{ ...curves[0]!, points }] });
    const places = marks(svg, 'mark-symbol').map(placeOf);
    const axes = [
      { along: 0, end: 'x2', values: points.map(({ kl }) => kl.value), error: 0.25 },
      { along: 1, end: 'y2', values: points.map(({ ppl }) => ppl.value), error: 1 },
    ] as const;
    // Behind the language model's line across, which is a rule, too, stand those of the perplexity, then those of the KL.
    const rules = marks(svg, 'mark-rule').slice(-6);
    for (const { along, end, values, error } of axes) {
      const at = places.map((place) => place[along]);
      const scale = expectAffine(values, at);
      rules.slice(along === 1 ? 0 : 3, along === 1 ? 3 : 6).forEach((rule, i) => {
        const length = Number(rule.attributes[end]);
        expect(Math.abs(length)).toBeCloseTo(Math.abs(2 * error * scale), 1);
        expect(placeOf(rule)[along] + length / 2).toBeCloseTo(at[i]!, 1);
      });
    }
  });
});

describe('the number of steps', () => {
  it('has whiskers of a standard error to each side, and no point where nothing was measured', async () => {
    const svg = await stepsAblation(steps);
    const whiskers = marks(svg, 'mark-rule').map((rule) => [placeOf(rule)[1], Number(rule.attributes.y2)] as const);
    expect(whiskers).toHaveLength(8);
    const points = marks(svg, 'mark-symbol').map(placeOf);
    expect(points).toHaveLength(8);
    const scale = expectAffine(
      [100, 95, 90],
      points.slice(0, 3).map(([, y]) => y),
    );
    whiskers.slice(0, 3).forEach(([from, length], i) => {
      expect(Math.abs(length - 4 * scale)).toBeLessThan(0.03);
      expect(from + length / 2).toBeCloseTo(points[i]![1], 1);
    });
    for (const [, length] of whiskers.slice(3, 6)) expect(Math.abs(length || 0)).toBe(0);
    expectAffine(
      [10, 20, 40].map(Math.log),
      points.slice(0, 3).map(([x]) => x),
    );
  });
});

describe('the map', () => {
  it('has every sample in its place, with one unit for both axes', async () => {
    const svg = await posteriorScatter({ title: 'SRI', posterior: map, prior });
    const places = marks(svg, 'mark-symbol').map(placeOf);
    const expected = [...prior, ...map];
    expect(places).toHaveLength(7);
    const across = expectAffine(
      expected.filter((_, i) => i % 2 === 0),
      places.map(([x]) => x),
    );
    expectAffine(
      expected.filter((_, i) => i % 2 === 1),
      places.map(([, y]) => y),
      -across,
    );
    expect(texts(svg)).toEqual(expect.arrayContaining(['SRI', 'prior, N(0, I)', 'aggregate posterior']));
  });

  it('tells classes apart by colour and by shape, as long as they are few', async () => {
    const classes = ['good', '<bad>', 'good', '<bad>'];
    const few = await posteriorScatter({ title: 'SRI', posterior: map, prior, classes });
    const looks = marks(few, 'mark-symbol')
      .slice(3)
      .map(({ attributes: { fill, d } }) => `${fill} ${d}`);
    expect(looks[0]).toBe(looks[2]);
    expect(looks[1]).toBe(looks[3]);
    const [[colour, ...shape], [otherColour, ...otherShape]] = looks.slice(0, 2).map((look) => look.split(' ')) as [
      [string, ...string[]],
      [string, ...string[]],
    ];
    expect(colour).not.toBe(otherColour);
    expect(shape).not.toEqual(otherShape);
    expect(texts(few)).toEqual(expect.arrayContaining(['good', '<bad>']));

    const posterior = Float64Array.from({ length: 20 }, (_, i) => i);
    const ten = Array.from({ length: 10 }, (_, i) => `class ${i}`);
    expect(texts(await posteriorScatter({ title: 'SRI', posterior, prior, classes: ten }))).not.toContain('class 3');
  });
});

describe('the marginal densities', () => {
  it('have a panel a dimension, with the normal’s curve in true proportion', async () => {
    const svg = await marginalDensities({ title: 'SRI', marginals });
    const lines = marks(svg, 'mark-line').map((line) => ({
      points: pathOf(line),
      dash: line.attributes['stroke-dasharray'],
    }));
    expect(lines).toHaveLength(6);
    const height = (points: Point[]) => Math.max(...points.map(([, y]) => y)) - Math.min(...points.map(([, y]) => y));
    const width = (points: Point[]) => points.at(-1)![0] - points[0]![0];
    const normal = lines.filter(({ dash }) => dash === '3,2').map(({ points }) => points);
    const own = lines.filter(({ dash }) => dash !== '3,2').map(({ points }) => points);
    expect(normal).toHaveLength(3);
    // A density of half the deviation is twice as high and half as wide; the curves end at a hundredth of their height.
    expect(height(own[0]!) / height(normal[0]!)).toBeCloseTo(1, 1);
    expect(height(own[1]!) / height(normal[1]!)).toBeCloseTo(2, 1);
    expect(width(own[1]!) / width(own[0]!)).toBeCloseTo(0.5, 1);
    expect(texts(svg)).toEqual(
      expect.arrayContaining(['0: 0.00 ± 1.00', '1: -0.50 ± 0.50', '2: 0.20 ± 1.20', 'aggregate posterior', 'N(0, 1)']),
    );
  });
});
