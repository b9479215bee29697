// A report as one HTML page that needs nothing beside it: no script, no font, no picture from elsewhere, and a policy in its
// head by which a browser would refuse any. What goes into the page is either a piece of markup made here or a text, and a
// text is escaped wherever it is put, so that `<unk>` is read and not obeyed.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { InputError } from '../errors.js';
import type { PageNumbers } from './page-numbers.js';
import { paperLayout, quantitiesOf, unitOf } from './paper-layout.js';
import { hasSome, type Table, writtenQuantity } from './table.js';

/** A piece of markup that may stand in a page as it is. Only this file makes them. */
export class Html {
  constructor(readonly markup: string) {}
}

type Insertable = string | number | Html | readonly Html[];

/** Markup with texts in it: whatever is not markup already is escaped. */
function html(parts: TemplateStringsArray, ...inserted: Insertable[]): Html {
  const pieces = parts.map((part, i) => (i === 0 ? part : markupOf(inserted[i - 1]!) + part));
  return new Html(pieces.join(''));
}

function markupOf(inserted: Insertable): string {
  if (inserted instanceof Html) return inserted.markup;
  if (Array.isArray(inserted)) return inserted.map(({ markup }) => markup).join('\n');
  return escapeHtml(String(inserted));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text as it must be written to be read as itself, between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

export interface Section {
  title: string;
  body: readonly Html[];
}

/** The whole page. @param numbers what its charts and maps are drawn from. */
export function htmlReport({
  title,
  sections,
  numbers,
}: {
  title: string;
  sections: readonly Section[];
  numbers: PageNumbers;
}): string {
  const anchors = anchorsOf(sections.map(({ title }) => title));
  const script = pageScript(numbers.live !== null);
  // Only the page's own script runs, and it may ask nobody but the page's own server, if it has one.
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    numbers.live === null ? "connect-src 'none'" : "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<style>${new Html(readFileSync(uplot('uPlot.min.css'), 'utf8'))}
${new Html(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${numbers.live === null ? [] : html`<p id="alive" role="status">live</p>`}
<nav><ul>
${sections.map((section, i) => html`<li><a href="#${anchors[i]!}">${section.title}</a></li>`)}
</ul></nav>
${sections.map(
  (section, i) => html`<section id="${anchors[i]!}">
<h2>${section.title}</h2>
${section.body}
</section>`,
)}
</main>
<script type="application/json" id="numbers">${new Html(jsonInMarkup(numbers))}</script>
<script>${new Html(script)}</script>
</body>
</html>
`;
  return page.markup;
}

/** Names for titles to be led to by, which stay the same when other sections come or go. */
function anchorsOf(titles: readonly string[]): string[] {
  const taken = new Set<string>();
  return titles.map((title) => {
    const name = `section-${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
    let anchor = name;
    for (let i = 2; taken.has(anchor); i++) anchor = `${name}-${i}`;
    taken.add(anchor);
    return anchor;
  });
}

/** JSON that no parser of markup takes for an end of its element. */
function jsonInMarkup(value: object): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function uplot(file: string): string {
  return createRequire(import.meta.url).resolve(`uplot/dist/${file}`);
}

/** uPlot, then the page's own. @param live whether a server serves it. */
function pageScript(live: boolean): string {
  const own = ['page.js', ...(live ? ['live.js'] : [])].map((name) => new URL(`../../page/${name}`, import.meta.url));
  return [uplot('uPlot.iife.min.js'), ...own].map((file) => readFileSync(file, 'utf8')).join('\n');
}

/** Where the runs that the charts show are chosen; the page's script fills it. */
export function chooser(): Html {
  return html`<fieldset id="chooser"></fieldset>`;
}

/** Where a chart of the page's numbers is drawn. @param views what its lines may be of: a choice where there are several. */
export function chart(id: string, views: readonly string[], caption: string): Html {
  const choice =
    views.length === 1
      ? []
      : html`<label>Show <select>${views.map((name) => html`<option>${name}</option>`)}</select></label>`;
  return html`<figure class="chart" id="${id}">
${choice}<div class="plot"></div><div class="legend"></div>
<noscript><p>The chart needs JavaScript; its numbers are in the runs' metrics.csv.</p></noscript>
<figcaption>${caption}</figcaption>
</figure>`;
}

/** Where a map of codes is drawn. */
export function codeMap(id: string, caption: string): Html {
  return html`<figure class="map" id="${id}">
<div class="plot"></div><div class="legend"></div><div class="way" aria-live="polite"></div>
<figcaption>${caption}</figcaption>
</figure>`;
}

/**
 * Where a person asks the page's server about a run: from a sentence to its code and back, about among codes, and to the
 * sentences near by.
 * @param runs folders of those that may be asked, each with its name on the page.
 */
export function explorer(runs: readonly (readonly [directory: string, label: string])[]): Html {
  return html`<form id="explorer" autocomplete="off">
<p>A sentence's code is where the run's own inference puts it; the decoder writes back what it reads there. Move a slider to
leave that place. The slider that comes first is of the dimension in which q(z | x) is farthest from the prior.</p>
<label>Run <select name="run">${runs.map(([directory, label]) => html`<option value="${directory}">${label}</option>`)}</select></label>
<label>Sentence <input name="text" maxlength="2000"></label>
<span><button value="encode">Find its code</button> <button value="sample">Draw a code of the prior</button></span>
<div class="read" aria-live="polite"></div>
<div class="sliders"></div>
<label>Written by <select name="how"><option>greedy</option><option>sample</option><option>beam</option></select></label>
<label>Temperature of samples <input name="temperature" type="number" min="0.01" max="100" step="any" value="1"></label>
<span><button value="again">Sample again</button> <button value="back">Back to where it was</button></span>
<output class="written" aria-live="polite"></output>
<label>Another sentence <input name="to" maxlength="2000"></label>
<span><button value="interpolate">Go there in a straight line</button></span>
<output class="way"></output>
<label>Sentences of <select name="split"><option>test</option><option>valid</option><option>train</option></select></label>
<span><button value="neighbours">Find the nearest</button> <span class="busy" role="status"></span></span>
<output class="near"></output>
</form>`;
}

/** Figures side by side where there is room. */
export function sideBySide(figures: readonly Html[]): Html {
  return html`<div class="beside">
${figures}
</div>`;
}

/** What few readers need, folded away. */
export function folded(summary: string, body: readonly Html[]): Html {
  return html`<details><summary>${summary}</summary>
${body}
</details>`;
}

/** @param text as it is to be read; it is escaped. */
export function paragraph(text: string): Html {
  return html`<p>${text}</p>`;
}

/** @param items as they are to be read; they are escaped. */
export function bulletList(items: readonly string[]): Html {
  return html`<ul>
${items.map((item) => html`<li>${item}</li>`)}
</ul>`;
}

/** Names and what they stand for: the verdict on each run, the versions of a program. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): Html {
  return html`<dl>
${pairs.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
</dl>`;
}

/** Lines to be typed or copied. Where one is broken, what follows is indented. */
export function commands(lines: readonly string[]): Html {
  return html`<pre><code>${lines.map((line) => html`<span>${line}</span>`)}</code></pre>`;
}

/**
 * A drawing, put into the page as it is.
 * @param svg one `<svg>` element.
 * @throws {InputError} where it is none, or holds what could do more than be looked at.
 */
export function figure(svg: string, caption: string): Html {
  if (!isDrawing(svg)) throw new InputError(`the figure "${caption}" is no plain drawing: draw it again`);
  return html`<figure>
${new Html(svg)}
<figcaption>${caption}</figcaption>
</figure>`;
}

const DRAWING_ELEMENTS = new Set('svg g path rect line circle ellipse polyline polygon text tspan'.split(' '));

/** Whether a text is made of elements that only draw, with quoted attributes that neither run nor lead anywhere. */
function isDrawing(svg: string): boolean {
  const tags = svg.match(/<[^>]*>?/g) ?? [];
  const plain = tags.every((tag) => {
    const [, name, attributes] = tag.match(/^<\/?([a-zA-Z]+)((?:\s+[\w:-]+="[^"]*")*)\s*\/?>$/) ?? [];
    if (name === undefined || !DRAWING_ELEMENTS.has(name)) return false;
    return [...attributes!.matchAll(/([\w:-]+)="[^"]*"/g)].every(([, key]) => !/^on|href$|^style$|^id$/i.test(key!));
  });
  return plain && svg.startsWith('<svg') && svg.trimEnd().endsWith('</svg>');
}

/** A table with all its columns; numbers stand to the right, and long hashes are cut. */
export function plainTable({ columns, rows }: Table, caption: string): Html {
  return html`<div class="wide"><table>
<caption><span>${caption}</span></caption>
<thead><tr>${columns.map((name, i) => html`<th scope="col" data-column="${i}">${name}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map((cell) => html`<td${classOf(String(cell))}>${shortHashes(String(cell))}</td>`)}</tr>`)}
</tbody>
</table></div>`;
}

/** Sentences and what they are of; what made them is folded away. */
export function textTable(table: Table, caption: string): Html {
  const { head, ours } = paperLayout(table, []);
  return html`${plainTable({ columns: head, rows: ours.map((row) => row.head) }, caption)}
${folded('What made them', [plainTable(table, `${caption}, with everything that belongs to it`)])}`;
}

/** A text with its hashes as short as people cite them: a whole one is in the CSV files. */
export function shortHashes(text: string): string {
  return text.replace(/\b[0-9a-f]{32,}\b/g, (hash) => hash.slice(0, 12));
}

/**
 * A table as the paper prints it: of each quantity ours with its standard error and, beneath, its estimator, then the
 * paper's own. Which columns belong together is told by their names: `PPL`, `PPL standard error`, `PPL estimator`,
 * `Paper PPL`. A quantity that no row has is left out. All other columns can be unfolded beneath.
 *
 * @param metrics names of those that it shows, whose units stand in its head.
 */
export function comparisonTable(table: Table, caption: string, metrics: readonly string[] = []): Html {
  const { columns, rows } = table;
  const quantities = quantitiesOf(table);
  const paper = quantities.filter((name) => hasSome(table, `Paper ${name}`));
  // What a row is stands before its quantities.
  const before = columns.slice(1, Math.max(1, ...quantities.slice(0, 1).map((name) => columns.indexOf(name))));
  const heads = [columns[0]!, ...before.filter((name) => hasSome(table, name))];
  const at = (row: Table['rows'][number], name: string) => String(row[columns.indexOf(name)] ?? '');
  const ours = (row: Table['rows'][number], name: string) => {
    if (at(row, name) === '') return html`<td class="number">-</td>`;
    const { value, error } = writtenQuantity(table, row, name);
    const estimator = at(row, `${name} estimator`);
    return html`<td class="number">${value}${
      error === '' ? [] : html`<span class="error"> ± ${error}</span>`
    }${estimator === '' ? [] : html`<br><small>${estimator}</small>`}</td>`;
  };
  return html`<div class="wide"><table>
<caption><span>${caption}</span></caption>
<thead>
${comparisonHead(
  heads,
  quantities.map((name) => ({ name, unit: unitOf(name, metrics), published: paper.includes(name) })),
)}
</thead>
<tbody>
${rows.map(
  (row) =>
    html`<tr><th scope="row">${at(row, heads[0]!)}</th>${heads
      .slice(1)
      .map((name) => html`<td${classOf(at(row, name))}>${at(row, name)}</td>`)}${quantities.map((name) =>
      paper.includes(name)
        ? html`${ours(row, name)}<td class="number paper">${at(row, `Paper ${name}`) || '-'}</td>`
        : ours(row, name),
    )}</tr>`,
)}
</tbody>
</table></div>
${folded('All columns', [plainTable(table, `${caption}, with everything that belongs to it`)])}`;
}

/** A quantity, as the head of a table names it. */
interface HeadQuantity {
  name: string;
  unit: string;
  /** Whether the paper has numbers of it. */
  published: boolean;
}

/** In one row, or where the paper has numbers too, in two. */
function comparisonHead(heads: readonly string[], quantities: readonly HeadQuantity[]): Html {
  const called = ({ name, unit }: HeadQuantity) => (unit === '' ? name : `${name} (${unit})`);
  const two = quantities.some(({ published }) => published);
  const rows = two ? html` rowspan="2"` : [];
  const of = heads.map((name, at) => html`<th scope="col"${rows} data-column="${at}">${name}</th>`);
  const places = quantities.map(
    (_, i) => heads.length + i + quantities.slice(0, i).filter(({ published }) => published).length,
  );
  if (!two) {
    return html`<tr>${of}${quantities.map((one, i) => html`<th scope="col" class="number" data-column="${places[i]!}">${called(one)}</th>`)}</tr>`;
  }
  return html`<tr>${of}${quantities.map((one) =>
    one.published
      ? html`<th scope="colgroup" colspan="2">${called(one)}</th>`
      : html`<th scope="colgroup" colspan="1">${called(one)}</th>`,
  )}</tr>
<tr>${quantities.map(({ published }, i) => {
    const ours = html`<th scope="col" data-column="${places[i]!}">ours</th>`;
    return published ? html`${ours}<th scope="col" data-column="${places[i]! + 1}">paper</th>` : ours;
  })}</tr>`;
}

/** Of a cell: numbers stand to the right, and a sentence has room on a narrow screen too. */
function classOf(cell: string): Html {
  if (cell.length > LONG_TEXT) return new Html(' class="long"');
  return new Html(cell.trim() !== '' && Number.isFinite(Number(cell)) ? ' class="number"' : '');
}

/** Characters of a text that is broken into lines. */
const LONG_TEXT = 30;

/** What is black on white. Charts, which are drawn before paper is meant, have it by the class that the page's script sets. */
const ON_PAPER = '--ink: #000000; --paper: #ffffff; --faint: #444444; --line: #bbbbbb; --shade: #ffffff;';

const STYLE = `
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #ffffff; --faint: #6b6b70; --line: #d5d5da; --shade: #f5f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ea; --paper: #17181a; --faint: #a0a0a8; --line: #3a3b40; --shade: #232428; }
}
body { margin: 2rem auto; padding: 0 1rem; max-width: 72rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
a { color: inherit; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 0; padding: 0; list-style: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.75rem 0; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 0.4rem; color: var(--faint); }
caption span { display: inline-block; position: sticky; left: 0; max-width: calc(100vw - 2rem); }
th, td { padding: 0.3rem 0.7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; white-space: nowrap; }
th[scope="colgroup"] { text-align: center; border-bottom: 0; }
thead tr:nth-child(2) th { text-align: right; font-weight: normal; color: var(--faint); }
tbody th { font-weight: 600; }
tbody th, td:first-child { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.long { min-width: 17rem; }
.paper, .error, small { color: var(--faint); }
details { margin: 0.5rem 0; }
summary { cursor: pointer; color: var(--faint); }
dt { font-weight: 600; }
dd { margin: 0 0 0.5rem 1.25rem; overflow-wrap: anywhere; }
pre { padding: 0.75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--shade); border-radius: 6px; font-size: 0.85rem; }
pre span { display: inline-block; box-sizing: border-box; width: 100%; padding-left: 4ch; text-indent: -4ch; }
figure { margin: 1rem 0; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 0.5rem 2rem; }
th button { font: inherit; font-weight: inherit; text-align: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
th button::after { content: " \\2195"; color: var(--faint); font-size: 0.8em; }
th[aria-sort="ascending"] button::after { content: " \\2191"; color: var(--ink); }
th[aria-sort="descending"] button::after { content: " \\2193"; color: var(--ink); }
#chooser { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; border: 1px solid var(--line); border-radius: 6px; margin: 0; }
#chooser label, .legend span { display: inline-flex; align-items: center; gap: 0.4rem; white-space: nowrap; }
.plot { position: relative; max-width: 44rem; }
.map .plot { max-width: 40rem; }
.map svg { display: block; width: 100%; background: var(--shade); }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; font-size: 0.9rem; margin: 0.3rem 0; }
.legend svg { background: none; border-radius: 0; }
.tip { display: none; position: absolute; z-index: 5; pointer-events: none; max-width: min(22rem, 80%); padding: 0.35rem 0.6rem;
  color: var(--ink); background: var(--paper); border: 1px solid var(--faint); border-radius: 6px; font-size: 0.85rem; }
.prior { fill: none; stroke: var(--faint); opacity: 0.55; }
.point { opacity: 0.85; cursor: pointer; }
.landmark { opacity: 1; stroke: var(--ink) !important; stroke-width: 2; }
.picked { stroke: var(--ink) !important; stroke-width: 5; }
.map .line { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; pointer-events: none; }
.way ol, output ol { margin: 0.2rem 0 0.6rem; }
form { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; margin: 0.6rem 0; }
form label { display: inline-flex; flex: 1 1 16rem; gap: 0.5rem; align-items: center; }
#explorer p, #explorer div, output { flex-basis: 100%; margin: 0; }
.sliders, .sliders details { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 0.15rem 1.5rem; }
.sliders details, .sliders summary { grid-column: 1 / -1; }
.sliders label span { min-width: 6.5rem; }
.sliders label .number { min-width: 3rem; }
.written p { font-size: 1.1rem; margin: 0.2rem 0; }
.waiting { opacity: 0.5; }
.wrong { color: #b3261e; color: light-dark(#b3261e, #ffb4ab); }
#alive { margin: 0; color: var(--faint); font-size: 0.9rem; }
#alive::before { content: "\\25cf "; }
input:not([type="checkbox"], [type="number"]) { flex: 1; min-width: 6rem; }
input, select, form button { font: inherit; color: inherit; background: var(--shade); border: 1px solid var(--line);
  border-radius: 4px; padding: 0.15rem 0.4rem; }
output { flex-basis: 100%; }
figure { overflow-x: auto; }
figure > svg { max-width: 100%; min-width: 34rem; height: auto; background: #ffffff; border-radius: 6px; }
figcaption { color: var(--faint); font-size: 0.9rem; }
@media (max-width: 40rem) {
  th, td { padding: 0.3rem 0.4rem; }
  thead th { white-space: normal; }
  .long { min-width: 8rem; }
}
@page { margin: 14mm; }
:root.printing { ${ON_PAPER} }
@media print {
  :root { ${ON_PAPER} }
  body { margin: 0; max-width: none; font-size: 10pt; }
  nav, details, form, select, label, #chooser, .tip { display: none; }
  th button::after { content: none; }
  .wide { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: 2pt 4pt; }
  figure, tr { break-inside: avoid; }
  caption span { max-width: none; }
  h2, dt { break-after: avoid; }
  .long { min-width: 0; }
}
`;
