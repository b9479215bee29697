// What a page does that `sri view` serves: it takes in what changes while runs train, and asks its server about a run, so
// that a person can type a sentence and walk about among codes. It comes after page.js, and uses what that declares.

/* global data, server, element, enliven, readNumbers, redraw, drawMap */

const alive = document.querySelector('#alive');
const say = (text) => {
  alive.textContent = text;
};

// ---- asking

server.ask = async (question, signal) => {
  let response;
  try {
    const body = JSON.stringify(question);
    response = await fetch('ask', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, signal });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('the server does not answer; is sri view still running?');
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
};

// ---- following

/** What each section was before anything was drawn in it. */
const sources = new Map([...document.querySelectorAll('section')].map((section) => [section.id, section.outerHTML]));
let fetching = false;
/** The newest version that was announced. */
let announced = null;

/** Takes in the page as it is by now: sections that differ from what they were, and all numbers. */
async function takeIn() {
  if (fetching || document.hidden) return;
  fetching = true;
  const wanted = announced;
  try {
    const response = await fetch(location.href);
    if (!response.ok) return say((await response.json()).error);
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
    document.title = fresh.title;
    for (const name of ['h1', 'nav']) document.querySelector(name).replaceWith(fresh.querySelector(name));
    document.querySelector('#numbers').textContent = fresh.querySelector('#numbers').textContent;
    const before = new Map(data.maps.map((map) => [map.id, JSON.stringify(map)]));
    readNumbers();
    const replaced = takeInSections([...fresh.querySelectorAll('section')]);
    redraw();
    for (const map of data.maps) {
      if (
        replaced.has(document.getElementById(map.id)?.closest('section')) ||
        before.get(map.id) !== JSON.stringify(map)
      )
        drawMap(map);
    }
  } catch {
    say('not connected: is sri view still running?');
  } finally {
    fetching = false;
  }
  // What was announced meanwhile may not be in it.
  if (announced !== wanted && announced !== data.live.version) takeIn();
}

/** @returns the sections that were replaced or are new. */
function takeInSections(fresh) {
  const replaced = new Set();
  const ids = new Set(fresh.map(({ id }) => id));
  for (const old of document.querySelectorAll('section')) if (!ids.has(old.id)) old.remove();
  let above = document.querySelector('nav');
  for (const section of fresh) {
    const source = section.outerHTML;
    const old = document.getElementById(section.id);
    if (old !== null && sources.get(section.id) === source) {
      above = old;
      continue;
    }
    sources.set(section.id, source);
    if (old?.querySelector('#explorer')) {
      takeInRuns(old.querySelector('select[name=run]'), section.querySelector('select[name=run]'));
      above = old;
      continue;
    }
    if (old !== null) {
      keepOpen(old, section);
      old.replaceWith(section);
    } else above.after(section);
    enliven(section);
    if (old !== null) sortAgain(old, section);
    if (section.querySelector('#explorer')) startExplorer();
    replaced.add(section);
    above = section;
  }
  return replaced;
}

/** What a person has unfolded or chosen in a section stays so in the one that takes its place. */
function keepOpen(old, section) {
  const details = [...old.querySelectorAll('details')];
  section.querySelectorAll('details').forEach((one, i) => {
    one.open = details[i]?.open ?? false;
  });
  const selects = new Map([...old.querySelectorAll('select')].map((one) => [one.closest('figure')?.id, one.value]));
  for (const one of section.querySelectorAll('select')) {
    const value = selects.get(one.closest('figure')?.id);
    if ([...one.options].some((option) => option.value === value)) one.value = value;
  }
}

/** Tables that a person has sorted are sorted so again. */
function sortAgain(old, section) {
  const tables = [...section.querySelectorAll('table')];
  old.querySelectorAll('table').forEach((table, i) => {
    const sorted = table.querySelector('th[aria-sort]');
    const heading = sorted && tables[i]?.querySelector(`th[data-column="${sorted.dataset.column}"]`);
    if (!heading) return;
    const clicks = sorted.getAttribute('aria-sort') === 'ascending' ? 1 : 2;
    for (let click = 0; click < clicks; click++) heading.querySelector('button').click();
  });
}

/** Runs may have come; what was chosen and typed stays. */
function takeInRuns(old, fresh) {
  const chosen = old.value;
  old.replaceChildren(...fresh.options);
  if ([...old.options].some(({ value }) => value === chosen)) old.value = chosen;
}

/** What to do on hearing of each thing. */
const heard = {
  changed(version) {
    say('live');
    announced = version;
    if (announced !== data.live.version) takeIn();
  },
  stage({ what, done, total }) {
    const busy = document.querySelector('#explorer .busy');
    if (busy) busy.textContent = done < total ? `${what}: ${done} of ${total}` : '';
  },
  lost() {
    say('not connected: is sri view still running?');
  },
};

// A browser has six connections to a server, and one that listens keeps its own: one tab listens for all, and when it is closed
// another does.
const tabs = new BroadcastChannel(location.pathname);
/** What a new tab is told by the one that listens; null before anything was heard. */
let latest = null;
tabs.addEventListener('message', ({ data: [name, value] }) => {
  if (name !== 'asked') heard[name](value);
  else if (latest !== null) tabs.postMessage(latest);
});
navigator.locks.request(location.pathname, () => {
  const events = new EventSource('events');
  const tell = (name, value) => {
    if (name !== 'stage') latest = [name, value];
    heard[name](value);
    tabs.postMessage([name, value]);
  };
  for (const name of ['changed', 'stage'])
    events.addEventListener(name, ({ data: text }) => tell(name, JSON.parse(text)));
  events.addEventListener('error', () => tell('lost'));
  // The lock is kept as long as the tab is there.
  return new Promise(() => {});
});
tabs.postMessage(['asked']);
document.addEventListener('visibilitychange', takeIn);

// ---- walking about

/** Sliders that are there at once; the others are folded away. */
const FIRST_SLIDERS = 8;
/** How far a slider goes, in standard deviations of the prior. */
const REACH = 4;
/** Where the answer to each kind of question is shown. */
const OUTPUTS = { code: 'read', decode: 'written', way: 'way', near: 'near' };
/** Milliseconds that a slider rests before the server is asked. */
const REST = 60;

function startExplorer() {
  const form = document.querySelector('#explorer');
  if (!form) return;
  const part = (name) => form.querySelector(`.${name}`);
  const field = (name) => form.elements[name];
  /** The code that is shown, where it came from, and its spread; null before the first. */
  let code = null;
  let home = null;
  let spread = null;
  let drawn = 0;
  const running = new Map();

  /** One question of a kind at a time: a new one takes the place of the one before. */
  async function put(kind, question, show) {
    const output = part(OUTPUTS[kind]);
    running.get(kind)?.abort();
    const stop = new AbortController();
    running.set(kind, stop);
    output.classList.add('waiting');
    try {
      show(await server.ask({ run: field('run').value, ...question }, stop.signal));
    } catch (error) {
      if (error.name === 'AbortError') return;
      output.replaceChildren(element('p', { class: 'wrong' }, error.message));
    }
    if (running.get(kind) === stop) output.classList.remove('waiting');
  }

  /** Questions whose answers would be of what is shown no more: neither they nor their answers stay. */
  function forget(...kinds) {
    for (const kind of kinds) {
      running.get(kind)?.abort();
      running.delete(kind);
      const output = part(OUTPUTS[kind]);
      output.classList.remove('waiting');
      output.replaceChildren();
    }
  }

  const needCode = (output) => {
    if (code === null) output.replaceChildren(element('p', { class: 'wrong' }, 'Find a code first, above.'));
    return code !== null;
  };

  function write() {
    if (code === null) return;
    const how = field('how').value;
    const temperature = field('temperature');
    // Where it is no number that may be, the browser says what may.
    if (how === 'sample' && !temperature.reportValidity()) return;
    const sampled = how === 'sample' ? { temperature: temperature.valueAsNumber || 1, seed: drawn } : {};
    return put('decode', { ask: 'decode', code, how, ...sampled }, ({ text }) =>
      part('written').replaceChildren(element('p', {}, text)),
    );
  }

  function arrive(mean, standardDeviation, ...told) {
    [code, home, spread] = [[...mean], [...mean], standardDeviation];
    part('read').replaceChildren(...told);
    forget('way', 'near');
    drawSliders();
    return write();
  }

  function encode() {
    const text = field('text').value.trim();
    if (text === '') return field('text').focus();
    return put('code', { ask: 'encode', text }, ({ text, unknown, mean, standardDeviation }) =>
      arrive(
        mean,
        standardDeviation,
        element('p', {}, `Read as: ${text}`),
        ...(unknown.length === 0 ? [] : [element('p', {}, `Not in the vocabulary: ${unknown.join(' ')}`)]),
      ),
    );
  }

  const sample = () =>
    put('code', { ask: 'sample', number: Math.floor(Math.random() * 2 ** 31) }, ({ code }) =>
      arrive(code, null, element('p', {}, 'A sample of the prior.')),
    );

  /** A slider for each dimension, the one first whose q(z | x) is farthest from the prior. */
  function drawSliders() {
    const farness = (d) => {
      const variance = spread === null ? 1 : Math.max(spread[d] ** 2, 1e-12);
      return home[d] ** 2 + variance - 1 - Math.log(variance);
    };
    const order = home.map((_, d) => d).sort((a, b) => farness(b) - farness(a));
    const sliders = order.map((d) => slider(d));
    const others = sliders.slice(FIRST_SLIDERS);
    part('sliders').replaceChildren(
      ...sliders.slice(0, FIRST_SLIDERS),
      ...(others.length === 0
        ? []
        : [element('details', {}, element('summary', {}, `${others.length} more dimensions`), ...others)]),
    );
  }

  function slider(d) {
    const most = Math.max(REACH, Math.ceil(Math.abs(home[d])));
    const range = element('input', {
      type: 'range',
      min: -most,
      max: most,
      step: 0.01,
      value: code[d],
      'aria-label': `dimension ${d}`,
    });
    const number = element('span', { class: 'number' }, code[d].toFixed(2));
    const about = spread === null ? '' : ` ± ${spread[d].toFixed(2)}`;
    let timer = 0;
    range.addEventListener('input', () => {
      code[d] = Number(range.value);
      forget('way', 'near');
      number.textContent = code[d].toFixed(2);
      clearTimeout(timer);
      timer = setTimeout(write, REST);
    });
    return element('label', {}, element('span', {}, `z${d}${about}`), range, number);
  }

  const actions = {
    encode,
    sample,
    again() {
      drawn++;
      return write();
    },
    back() {
      if (home === null) return;
      code = [...home];
      forget('way', 'near');
      drawSliders();
      return write();
    },
    interpolate() {
      const output = part('way');
      const to = field('to').value.trim();
      if (!needCode(output)) return;
      if (to === '') return field('to').focus();
      return put('way', { ask: 'interpolate', from: { code }, to: { text: to } }, ({ texts }) =>
        output.replaceChildren(element('ol', {}, ...texts.map((text) => element('li', {}, text)))),
      );
    },
    neighbours() {
      const output = part('near');
      if (!needCode(output)) return;
      return put('near', { ask: 'neighbours', of: { code }, split: field('split').value }, ({ among, neighbours }) =>
        output.replaceChildren(
          element('p', {}, `Of ${among} sentences, by the distance of their mean codes:`),
          element(
            'ol',
            {},
            ...neighbours.map(({ distance, text, label }) =>
              element(
                'li',
                {},
                text,
                element('small', {}, ` ${distance.toFixed(2)}${label === null ? '' : `, ${label}`}`),
              ),
            ),
          ),
        ),
      );
    },
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const asked = event.submitter?.value ?? 'encode';
    actions[document.activeElement === field('to') ? 'interpolate' : asked]();
  });
  field('how').addEventListener('change', write);
  field('temperature').addEventListener('change', write);
  field('run').addEventListener('change', () => {
    // Another run's codes are others.
    [code, home, spread] = [null, null, null];
    forget('code', 'decode', 'way', 'near');
    part('sliders').replaceChildren();
    if (field('text').value.trim() !== '') encode();
  });
}

startExplorer();
