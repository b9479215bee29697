import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.js';
import {
  bulletList,
  commands,
  comparisonTable,
  escapeHtml,
  facts,
  figure,
  htmlReport,
  paragraph,
  plainTable,
} from '../../src/report/html.js';
import { elementsOf } from './markup.js';

const NASTY = `<unk> & "N" said: it's </p><script>alert(1)</script>`;
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><text>a &lt; b</text></svg>';
const table = {
  columns: [
    'Method',
    'PPL',
    'KL',
    'Paper PPL',
    'Paper KL',
    'PPL standard error',
    'KL standard error',
    'PPL estimator',
    'Run',
  ],
  rows: [
    ['LSTM-LM', '101.50', '', '100.47', '', 0.12, '', 'exact', 'runs/ptb/lstm-lm/seed-0'],
    [NASTY, '97.78', '19.80', '', 10.13, '', 0.5, '<fitted>', 'runs/a&b'],
  ],
};

describe('the page', () => {
  const map = { points: [], prior: [], landmarks: [], ways: [] };
  const page = htmlReport({
    title: NASTY,
    numbers: {
      labels: [NASTY],
      first: [],
      styles: [],
      charts: [],
      maps: [{ id: 'map-1', run: NASTY, ...map }],
      live: null,
    },
    sections: [
      {
        title: `first: ${NASTY}`,
        body: [paragraph(NASTY), bulletList([NASTY]), facts([[NASTY, NASTY]]), commands([NASTY, 'sri report'])],
      },
      { title: 'second', body: [figure(SVG, NASTY), plainTable(table, NASTY), comparisonTable(table, NASTY)] },
    ],
  });
  const elements = elementsOf(page);
  const named = (name: string) => elements.filter((element) => element.name === name);

  it('shows every text as it is, and obeys none', () => {
    expect(named('script')).toHaveLength(2);
    expect(JSON.parse(named('script')[0]!.text)).toMatchObject({ labels: [NASTY], maps: [{ run: NASTY }] });
    expect(named('unk')).toEqual([]);
    for (const name of ['title', 'h1', 'p', 'li', 'dt', 'dd', 'figcaption']) {
      expect(named(name).map(({ text }) => text.trim())).toContain(NASTY);
    }
    const inside = (name: string) =>
      elements.filter((one) => one.name === 'span' && one.within.at(-1) === name).map(({ text }) => text);
    expect(inside('caption')).toContain(NASTY);
    expect(inside('code')).toEqual([NASTY, 'sri report']);
    expect(named('h2').map(({ text }) => text)).toEqual([`first: ${NASTY}`, 'second']);
  });

  it('needs nothing from elsewhere', () => {
    for (const { name, attributes } of elements) {
      expect(['link', 'img', 'iframe', 'object']).not.toContain(name);
      expect(attributes).not.toHaveProperty('src');
      expect(attributes.href ?? '#').toMatch(/^#/);
    }
    expect(named('style')[0]!.text).not.toMatch(/url\(|@import/);
    const policy = named('meta').find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy')!;
    expect(policy.attributes.content).toMatch(/^default-src 'none'; .*connect-src 'none'/);
    const sum = createHash('sha256').update(named('script')[1]!.text).digest('base64');
    expect(policy.attributes.content).toContain(`script-src 'sha256-${sum}'`);
  });

  it('leads to each of its sections', () => {
    const ids = named('section').map(({ attributes }) => attributes.id);
    expect(new Set(ids).size).toBe(2);
    expect(named('a').map(({ attributes }) => attributes.href!.slice(1))).toEqual(ids);
  });

  it('has dark colours and printed ones', () => {
    expect(named('style')[0]!.text).toMatch(/prefers-color-scheme: dark/);
    expect(named('style')[0]!.text).toMatch(/@media print/);
  });
});

describe('a table as the paper prints it', () => {
  const rows = (markup: string) => {
    const cells = elementsOf(markup).filter(({ within }) => !within.includes('details'));
    return cells.filter(({ name, within }) => (name === 'td' || name === 'th') && within.includes('tbody'));
  };
  const { markup } = comparisonTable(table, 'Table 1');

  it('has the paper’s number after ours, and a dash where there is none', () => {
    expect(rows(markup).map(({ text }) => text)).toEqual([
      'LSTM-LM',
      '101.50',
      '100.47',
      '-',
      '-',
      NASTY,
      '97.78',
      '-',
      '19.80',
      '10.13',
    ]);
  });

  it('gives each number its standard error and its estimator', () => {
    const parts = elementsOf(markup).filter(({ within }) => within.at(-1) === 'td' && !within.includes('details'));
    expect(parts.map(({ name, text }) => [name, text.trim()])).toEqual([
      ['span', '± 0.12'],
      ['br', ''],
      ['small', 'exact'],
      ['br', ''],
      ['small', '<fitted>'],
      ['span', '± 0.50'],
    ]);
  });

  it('keeps its heads above its columns', () => {
    const head = elementsOf(markup).filter(
      ({ name, within }) => name === 'th' && within.includes('thead') && !within.includes('details'),
    );
    const width = head.reduce(
      (sum, { attributes }) => sum + (attributes.rowspan ? 0 : Number(attributes.colspan ?? 0)),
      0,
    );
    expect(head.filter(({ attributes }) => attributes.scope === 'col').length - 1).toBe(width);
    expect(rows(markup)).toHaveLength(table.rows.length * (1 + width));
  });

  it('has all columns beneath', () => {
    const all = elementsOf(markup).filter(({ within }) => within.includes('details'));
    expect(all.filter(({ name }) => name === 'th').map(({ text }) => text)).toEqual(table.columns);
    expect(all.filter(({ name }) => name === 'td').map(({ text }) => text)).toEqual(table.rows.flat().map(String));
  });

  it('puts a quantity that the paper does not print in one column', () => {
    const own = { columns: ['Method', 'MI', 'MI standard error'], rows: [['SRI', 3.2, 0.1]] };
    expect(rows(comparisonTable(own, 'x').markup).map(({ text }) => text)).toEqual(['SRI', '3.20']);
  });

  it('says what a row is in all that stands before its quantities, and needs one row of heads without the paper', () => {
    const own = { columns: ['Curve', 'Value', 'Empty', 'KL', 'KL standard error'], rows: [['SRI', 0.7, '', 3.2, 0.1]] };
    const { markup } = comparisonTable(own, 'x');
    expect(rows(markup).map(({ text }) => text)).toEqual(['SRI', '0.7', '3.20']);
    const heads = elementsOf(markup).filter(({ name, within }) => name === 'th' && within.includes('thead'));
    const shown = heads.filter(({ within }) => !within.includes('details'));
    expect(shown.map(({ text, attributes }) => [text, attributes['data-column']])).toEqual([
      ['Curve', '0'],
      ['Value', '1'],
      ['KL (nats)', '2'],
    ]);
  });
});

describe('a drawing', () => {
  it('is put in as it is', () => {
    const svg = '<svg width="9"><g aria-label="click on=here"><text>one="two" on = 3</text><path d="M0,0"/></g></svg>';
    for (const drawing of [SVG, svg]) expect(figure(drawing, 'x').markup).toContain(drawing);
  });

  it.each([
    '<p>no drawing</p>',
    '<svg><script>alert(1)</script></svg>',
    '<svg><SCRIPT >alert(1)</SCRIPT></svg>',
    '<svg onload="alert(1)"></svg>',
    '<svg onload=alert(1)></svg>',
    '<svg><g/onclick="alert(1)"></g></svg>',
    '<svg><text>a</text></svg><script>alert(1)</script>',
    '<svg><!-- --></svg>',
    '<svg><foreignObject><p>x</p></foreignObject></svg>',
    '<svg><a href="javascript:alert(1)"><text>x</text></a></svg>',
    '<svg><image href="https://example.org/x.png"/></svg>',
    '<svg><style>p { display: none }</style></svg>',
  ])('is refused where it could do more than be looked at: %s', (svg) => {
    expect(() => figure(svg, 'Figure 1')).toThrow(InputError);
  });
});

it('escapes what has a meaning in markup and nothing else', () => {
  expect(escapeHtml('a < b & "c" > \'d\' – é')).toBe('a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39; – é');
});
