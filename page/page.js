// What moves on a report's page: charts that tell their numbers, tables that sort, a map of sentences to walk about in.
// It is put into the page as it is, after uPlot, and reads the numbers from the page's own JSON. Of a page that `sri view`
// serves, live.js comes after it.

/* global uPlot */

/** Of the classes on a map: colours and shapes. */
const CLASSES = [
  ['#0072b2', '#62bdf5', 'circle'],
  ['#c44e00', '#ff9a52', 'square'],
  ['#00795a', '#35d6a4', 'triangle'],
  ['#b0428a', '#f08fbd', 'diamond'],
  ['#7a5c00', '#e0c050', 'cross'],
  ['#555555', '#bbbbbb', 'plus'],
];

const dark = matchMedia('(prefers-color-scheme: dark)');
let printing = false;
const isDark = () => dark.matches && !printing;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** An element with attributes and children; texts are put in as texts. */
function element(name, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'line', 'circle', 'g'].includes(name);
  const made = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

const format = (value) =>
  value === null || value === undefined
    ? '-'
    : Number.isInteger(value)
      ? String(value)
      : String(Number(value.toPrecision(5)));

// ---- which runs are looked at

/** By label: the style of each that is shown. Kept while the page lives, so that a line keeps its look. */
const slots = new Map();
let chosenOnce = false;

function choose(label, on) {
  if (!on) return slots.delete(label);
  const taken = new Set(slots.values());
  const free = data.styles.findIndex((_, i) => !taken.has(i));
  if (free >= 0) slots.set(label, free);
}

function makeChooser(labels) {
  const place = document.querySelector('#chooser');
  if (!place) return;
  // A line's name can change while the page lives, as when a second data set comes, and its style is free then.
  for (const label of slots.keys()) {
    if (labels.includes(label)) continue;
    slots.delete(label);
    if (slots.size === 0) chosenOnce = false;
  }
  if (!chosenOnce) for (const label of data.first) choose(label, true);
  chosenOnce = true;
  place.replaceChildren();
  for (const label of labels) {
    const box = element('input', { type: 'checkbox' });
    box.checked = slots.has(label);
    box.disabled = !box.checked && slots.size >= data.styles.length;
    box.addEventListener('change', () => {
      choose(label, box.checked);
      makeChooser(labels);
      drawCharts();
    });
    place.append(element('label', {}, box, ...(slots.has(label) ? [swatch(slots.get(label))] : []), label));
  }
  if (labels.length > data.styles.length) place.append(element('small', {}, `${data.styles.length} at most`));
}

function swatch(slot) {
  const svg = element('svg', { width: 44, height: 10, 'aria-hidden': 'true' });
  const { colour, onDark, dash } = data.styles[slot];
  const stroke = isDark() ? onDark : colour;
  svg.append(
    element('line', { x1: 1, x2: 43, y1: 5, y2: 5, stroke, 'stroke-width': 2.5, 'stroke-dasharray': dash.join(' ') }),
  );
  return svg;
}

// ---- charts

let data = { labels: [], first: [], styles: [], charts: [], maps: [], live: null };
/** How the page's server is asked, where there is one: live.js sets it. */
const server = { ask: null };
const plots = new Map();

function drawCharts() {
  for (const chart of data.charts) drawChart(chart);
}

function drawChart(chart) {
  const figure = document.getElementById(chart.id);
  if (!figure) return;
  const place = figure.querySelector('.plot');
  const select = figure.querySelector('select');
  const view = chart.views[select ? select.selectedIndex : 0] ?? chart.views[0];
  plots.get(chart.id)?.destroy();
  place.replaceChildren();
  const shown = view.series.filter(({ label }) => chart.fixed || slots.has(label));
  if (shown.length === 0) {
    place.append(element('p', {}, 'None of the chosen runs has this quantity.'));
    return;
  }
  const xs = [...new Set(shown.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const aligned = (series, values) => {
    const at = new Map(series.x.map((x, i) => [x, values[i]]));
    return xs.map((x) => at.get(x) ?? null);
  };
  const colourOf = (label, i) => {
    const style = data.styles[chart.fixed ? i : slots.get(label)];
    return { stroke: isDark() ? style.onDark : style.colour, dash: style.dash };
  };
  const columns = [xs];
  const series = [{}];
  const bands = [];
  const names = [];
  shown.forEach((one, i) => {
    const { stroke, dash } = colourOf(one.label, i);
    const points = { show: xs.length <= 60, size: 6, fill: stroke };
    columns.push(aligned(one, one.y));
    names[series.length] = one;
    series.push({ label: one.label, stroke, dash, width: 2, points, spanGaps: true });
    if (one.low) {
      const from = series.length;
      for (const bound of [one.high, one.low]) {
        columns.push(aligned(one, bound));
        series.push({ stroke: 'transparent', width: 0, points: { show: false }, spanGaps: true });
      }
      bands.push({ series: [from, from + 1], fill: `${stroke}2e` });
    }
  });
  const tip = element('div', { class: 'tip', role: 'status' });
  const ink = css('--ink');
  const grid = css('--line');
  const axis = {
    stroke: ink,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1 },
    font: '12px system-ui',
  };
  const whole = xs.every(Number.isInteger);
  // Where the axis of all lines ends hides a tenth of their points at most; of those chosen it may hide no more.
  const heights = shown.flatMap(({ y, high = y }) => high);
  const hidden = heights.filter((height) => height > view.top).length;
  const top = hidden > heights.length / 10 ? Number.POSITIVE_INFINITY : (view.top ?? Number.POSITIVE_INFINITY);
  const options = {
    width: Math.max(240, place.clientWidth),
    height: Math.max(220, Math.min(340, place.clientWidth * 0.6)),
    legend: { show: false },
    cursor: { drag: { x: true, y: false } },
    scales: {
      x: { time: false, range: (_, min, max) => (min === max ? [min - 1, max + 1] : [min, max]) },
      y: {
        range: (_, min, max) =>
          uPlot.rangeNum(view.zero ? Math.min(0, min) : min, Math.min(max, Math.max(min, top)), 0.08, true),
      },
    },
    axes: [
      {
        ...axis,
        label: view.xTitle,
        labelFont: '12px system-ui',
        incrs: whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] : undefined,
      },
      { ...axis, label: view.name, labelFont: '12px system-ui', size: 58 },
    ],
    series,
    bands,
    hooks: { setCursor: [(plot) => showTip(plot, tip, names, view)] },
  };
  const plot = new uPlot(options, columns, place);
  plot.over.append(tip);
  plots.set(chart.id, plot);
  figure
    .querySelector('.legend')
    .replaceChildren(
      ...shown.map(({ label, seeds }, i) =>
        element(
          'span',
          {},
          swatch(chart.fixed ? i : slots.get(label)),
          seeds > 1 ? `${label}, mean of ${seeds} seeds` : label,
        ),
      ),
    );
}

/** The numbers at the point that is nearest to the cursor. */
function showTip(plot, tip, names, view) {
  const { idx, left, top } = plot.cursor;
  tip.style.display = idx == null || left < 0 ? 'none' : 'block';
  if (idx == null || left < 0) return;
  const lines = [element('b', {}, `${view.xTitle} ${format(plot.data[0][idx])}`)];
  names.forEach((one, i) => {
    const value = plot.data[i][idx];
    if (value == null) return;
    const at = one.x.indexOf(plot.data[0][idx]);
    const range = one.low && one.low[at] !== one.high[at] ? ` (${format(one.low[at])} to ${format(one.high[at])})` : '';
    const note = one.notes?.[at] ? `, ${one.notes[at]}` : '';
    lines.push(element('div', {}, `${one.label}: ${format(value)}${range}${note}`));
  });
  tip.replaceChildren(...lines);
  const room = plot.over.clientWidth;
  const x = left > room / 2 ? left - tip.offsetWidth - 12 : left + 12;
  tip.style.left = `${Math.max(0, Math.min(x, room - tip.offsetWidth))}px`;
  tip.style.top = `${Math.max(0, Math.min(top, plot.over.clientHeight - tip.offsetHeight))}px`;
}

// ---- maps

const SHAPES = {
  circle: (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  square: (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  triangle: (r) => `M0,${-1.2 * r}L${1.15 * r},${r}H${-1.15 * r}z`,
  diamond: (r) => `M0,${-1.4 * r}L${1.2 * r},0L0,${1.4 * r}L${-1.2 * r},0z`,
  cross: (r) => `M${-r},${-r}L${r},${r}M${-r},${r}L${r},${-r}`,
  plus: (r) => `M${-1.2 * r},0H${1.2 * r}M0,${-1.2 * r}V${1.2 * r}`,
};

function drawMap(map) {
  const figure = document.getElementById(map.id);
  if (!figure) return;
  const place = figure.querySelector('.plot');
  const way = figure.querySelector('.way');
  const size = 640;
  const reach = 1.05 * Math.max(...[...map.points.map(({ x, y }) => [x, y]), ...map.prior].flat().map(Math.abs), 1);
  const at = (x, y) => [size / 2 + (x / reach) * (size / 2), size / 2 - (y / reach) * (size / 2)];
  const classes = [...new Set(map.points.map(({ label }) => label))].sort();
  const coloured = classes.length > 1 && classes.length <= CLASSES.length;
  const markOf = (label) => CLASSES[coloured ? classes.indexOf(label) : 0];
  const colour = ([light, bright]) => (isDark() ? bright : light);
  const svg = element('svg', { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': 'map of latent codes' });
  const tip = element('div', { class: 'tip', role: 'status' });
  for (const [x, y] of map.prior) {
    const [cx, cy] = at(x, y);
    svg.append(element('circle', { cx, cy, r: 2, class: 'prior' }));
  }
  const marks = map.points.map((point, i) => {
    const [x, y] = at(point.x, point.y);
    const mark = markOf(point.label);
    const landmark = map.landmarks.includes(i);
    const attributes = {
      transform: `translate(${x},${y})`,
      d: SHAPES[mark[2]](landmark ? 6 : 4),
      class: landmark ? 'point landmark' : 'point',
    };
    const drawn = element('path', { ...attributes, fill: colour(mark), stroke: colour(mark) });
    if (landmark) {
      drawn.setAttribute('tabindex', '0');
      drawn.setAttribute('role', 'button');
      drawn.setAttribute('aria-label', point.text);
      drawn.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' || event.key === ' ') pick(i);
      });
    }
    drawn.addEventListener('pointerenter', () => tell(point, x, y));
    drawn.addEventListener('focus', () => tell(point, x, y));
    drawn.addEventListener('pointerleave', () => {
      tip.style.display = 'none';
    });
    drawn.addEventListener('click', () => pick(i));
    svg.append(drawn);
    return drawn;
  });
  for (const landmark of map.landmarks) svg.append(marks[landmark]);

  function tell({ text, label }, x, y) {
    tip.replaceChildren(...(label === null ? [] : [element('b', {}, label)]), element('div', {}, text));
    tip.style.display = 'block';
    const scale = svg.clientWidth / size;
    const left = x * scale > svg.clientWidth / 2 ? x * scale - tip.offsetWidth - 10 : x * scale + 10;
    tip.style.left = `${Math.max(0, Math.min(left, svg.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${y * scale + 8}px`;
  }

  // Between any two sentences where a server can be asked; else between those whose ways are known.
  const anywhere = server.ask !== null;
  const nearest = (i) => {
    const { x, y } = map.points[i];
    const distance = (other) => Math.hypot(map.points[other].x - x, map.points[other].y - y);
    return map.landmarks.reduce((best, other) => (distance(other) < distance(best) ? other : best));
  };
  let picked = [];
  async function pick(i) {
    if (map.landmarks.length === 0 && !anywhere) return;
    const landmark = anywhere ? i : nearest(i);
    picked = picked.length === 2 || picked.includes(landmark) ? [landmark] : [...picked, landmark];
    for (const [m, mark] of marks.entries()) mark.classList.toggle('picked', picked.includes(m));
    svg.querySelector('.line')?.remove();
    if (picked.length < 2) {
      way.replaceChildren(element('p', {}, `From: ${map.points[picked[0]].text}. Pick another point.`));
      return;
    }
    const [[x1, y1], [x2, y2]] = picked.map((p) => at(map.points[p].x, map.points[p].y));
    svg.append(element('line', { x1, y1, x2, y2, class: 'line' }));
    const [from, to] = picked.map((p) => map.points[p].text);
    way.replaceChildren(element('p', {}, '...'));
    const asked = picked;
    try {
      const texts = anywhere
        ? (await server.ask({ ask: 'interpolate', run: map.run, from: { text: from }, to: { text: to } })).texts
        : known(...picked);
      if (picked !== asked) return;
      way.replaceChildren(
        element('p', {}, 'What the decoder writes on the straight way between the two codes:'),
        element('ol', {}, ...texts.map((text) => element('li', {}, text))),
      );
    } catch ({ message }) {
      if (picked === asked) way.replaceChildren(element('p', {}, message));
    }
  }
  function known(from, to) {
    const [a, b] = [map.landmarks.indexOf(from), map.landmarks.indexOf(to)];
    const found = map.ways.find((one) => one.from === Math.min(a, b) && one.to === Math.max(a, b));
    return a < b ? found.texts : found.texts.toReversed();
  }

  place.replaceChildren(svg, tip);
  const legend = coloured ? classes : ['a sentence'];
  figure.querySelector('.legend').replaceChildren(
    ...legend.map((name) => {
      const mark = markOf(coloured ? name : map.points[0]?.label);
      const key = element('svg', { width: 16, height: 14, viewBox: '-8 -7 16 14', 'aria-hidden': 'true' });
      key.append(
        element('path', { d: SHAPES[mark[2]](4), fill: colour(mark), stroke: colour(mark), 'stroke-width': 1.5 }),
      );
      return element('span', {}, key, name ?? 'no label');
    }),
    element('span', {}, 'grey: samples of the prior'),
  );
}

// ---- tables

/** A button in each heading of a column that is one, which sorts by it. */
function makeSortable(table) {
  const body = table.tBodies[0];
  for (const heading of table.querySelectorAll('th[data-column]')) {
    const button = element('button', { type: 'button' }, ...heading.childNodes);
    heading.replaceChildren(button);
    button.addEventListener('click', () => {
      const up = heading.getAttribute('aria-sort') !== 'ascending';
      for (const other of table.querySelectorAll('th[aria-sort]')) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const key = (row) => row.cells[Number(heading.dataset.column)].textContent.trim();
      const order = (a, b) => {
        const [x, y] = [Number.parseFloat(a), Number.parseFloat(b)];
        // What is missing stays below, whichever way.
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
        return (up ? 1 : -1) * (Number.isNaN(x) ? a.localeCompare(b) : x - y);
      };
      body.append(...[...body.rows].sort((a, b) => order(key(a), key(b))));
    });
  }
}

// ----

function redraw() {
  makeChooser(data.labels);
  drawCharts();
}

/** Gives life to what stands below an element of the page. */
function enliven(root) {
  for (const select of root.querySelectorAll('figure.chart select')) {
    select.addEventListener('change', () =>
      drawChart(data.charts.find(({ id }) => id === select.closest('figure').id)),
    );
  }
  for (const table of root.querySelectorAll('table')) makeSortable(table);
}

function readNumbers() {
  data = JSON.parse(document.querySelector('#numbers').textContent);
}

function drawMaps() {
  for (const map of data.maps) drawMap(map);
}

function drawAll() {
  redraw();
  drawMaps();
}

// Once every script has said what it adds.
document.addEventListener('DOMContentLoaded', () => {
  readNumbers();
  drawAll();
  enliven(document);
});
dark.addEventListener('change', drawAll);
let width = innerWidth;
addEventListener('resize', () => {
  if (innerWidth !== width) drawCharts();
  width = innerWidth;
});
for (const [event, value] of [
  ['beforeprint', true],
  ['afterprint', false],
]) {
  addEventListener(event, () => {
    printing = value;
    document.documentElement.classList.toggle('printing', value);
    drawAll();
  });
}
