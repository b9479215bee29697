// Nonsense of every kind, made of what is right by a seeded hand: bytes, lines, numbers and values that files, arguments
// and people have been seen to bring.

/** Texts that have broken something somewhere. */
const TEXTS = [
  '',
  '\0',
  '\x1b[2J',
  '\r',
  '\u202e',
  '\ufeff',
  '\ud800',
  '<unk>',
  '</s>',
  '__proto__',
  'constructor',
  'toString',
  '../../../../tmp/x',
  '/proc/self/mem',
  '/dev/null',
  '-',
  '--',
  '=1+1',
  '&a [*a]',
  '*a',
  '{{{{',
  '[[[[',
  ': : :',
  '- - -',
  '!!js/function x',
  '%',
  "'",
  '"',
  '\\',
  '\t\t',
  'null',
  'true',
  'NaN',
  '.inf',
  'x'.repeat(5000),
  '['.repeat(3000),
  '😀'.repeat(300),
];
const NUMBERS = [
  0,
  -0,
  -1,
  1,
  2,
  3,
  0.5,
  1e-320,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e21,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];

export const pick = (random, list) => list[random.integer(list.length)];

export const someText = (random) => pick(random, TEXTS);

/** A value as YAML or JSON may hold it. */
export function someValue(random) {
  const values = [
    () => null,
    () => true,
    () => [],
    () => ({}),
    () => [null],
    () => ({ x: { y: [] } }),
    () => pick(random, NUMBERS),
    () => someText(random),
    () => Array.from({ length: 200 }, () => pick(random, NUMBERS)),
  ];
  return pick(random, values)();
}

/** The bytes with one to four things wrong. */
export function spoilBytes(bytes, random) {
  let out = Buffer.from(bytes);
  for (let changes = 1 + random.integer(4); changes > 0; changes--) {
    const at = random.integer(out.length + 1);
    const to = Math.min(out.length, at + 1 + random.integer(64));
    const ways = [
      () => out.subarray(0, at),
      () => Buffer.concat([out.subarray(0, at), out.subarray(to)]),
      () => Buffer.concat([out.subarray(0, to), out.subarray(at)]),
      () => Buffer.concat([out.subarray(0, at), Buffer.from(someText(random)), out.subarray(at)]),
      () => Buffer.concat([out.subarray(0, at), Buffer.alloc(to - at), out.subarray(to)]),
      () => {
        const flipped = Buffer.from(out);
        if (at < flipped.length) flipped[at] ^= 1 << random.integer(8);
        return flipped;
      },
      () => {
        const text = out.toString('latin1');
        const numbers = [...text.matchAll(/\d+(\.\d+)?/g)];
        if (numbers.length === 0) return out;
        const { index, 0: number } = pick(random, numbers);
        return Buffer.from(text.slice(0, index) + pick(random, NUMBERS) + text.slice(index + number.length), 'latin1');
      },
    ];
    out = Buffer.from(pick(random, ways)());
  }
  return out;
}

/** A tree of values with one of its places changed: another value, no value, or a key more. */
export function spoilTree(tree, random) {
  const copy = structuredClone(tree);
  let node = copy;
  for (;;) {
    const keys = Object.keys(node);
    if (keys.length === 0) break;
    const key = pick(random, keys);
    const inner = node[key];
    if (typeof inner === 'object' && inner !== null && random.uniform() < 0.7) {
      node = inner;
      continue;
    }
    const way = random.integer(4);
    if (way === 0) delete node[key];
    else if (way === 1)
      Object.defineProperty(node, someText(random), {
        value: someValue(random),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else node[key] = someValue(random);
    break;
  }
  return copy;
}

/** A tree as YAML in flow style, which YAML takes JSON for; numbers that JSON lacks as YAML has them. */
export function toYaml(value) {
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.isNaN(value) ? '.nan' : '.inf';
  if (Array.isArray(value)) return `[${value.map(toYaml).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${toYaml(inner)}`)
    .join(', ')}}`;
}
