// YAML from a hand that may be anyone's: what is read is a plain tree of a size that nothing after it has to fear. A bomb of
// aliases, a list in itself, a thousand brackets, a key said twice: each is refused with its line, in linear time.

import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
} from 'yaml';
import { InputError } from '../errors.js';
import { withPath } from '../storage/file-error.js';
import { cut, notUtf8 } from '../text.js';

/** Bytes of a config file; the largest of configs/ has a hundredth. */
const MOST_BYTES = 1 << 20;
/** Objects and lists inside one another; a config has six. */
const MOST_DEPTH = 32;
/** Places that aliases may put an anchor's node to. */
const MOST_ALIASES = 100;

export interface YamlText {
  value: unknown;
  /** The line, from 1, of a key, or of the nearest enclosing one that there is. */
  lineOf(keys: readonly PropertyKey[]): number;
}

/**
 * @param place how to name a line in a message: `ptb.yaml:3`.
 * @throws {InputError} naming the line where it is not YAML, or none that a config is written in.
 */
export function readYaml(text: string, place: (line: number) => string): YamlText {
  const lines = new LineCounter();
  const fail = (offset: number, what: string): never => {
    throw new InputError(`${place(lines.linePos(offset).line)}: ${what}`);
  };
  // A key said twice is looked for below, in linear time.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const broken = document.errors[0];
  // The parser goes down by calling itself, and tells of the end of that as of any other error.
  if (broken && /call stack/.test(broken.message)) fail(deepestOffset(text), TOO_DEEP);
  if (broken?.code === 'MULTIPLE_DOCS') fail(broken.pos[0], 'a second document begins; a config is one');
  if (broken) fail(broken.pos[0], `not valid YAML: ${cut(broken.message)}`);
  checkTree(document, fail);
  return { value: document.toJS({ maxAliasCount: -1 }), lineOf: (keys) => lineOf(document, lines, keys) };
}

const TOO_DEEP = `more than ${MOST_DEPTH} lists and objects inside one another; a config has fewer`;

/**
 * The text of a file of at most {@link MOST_BYTES}.
 * @throws {InputError} where it is larger, as a file of the system's may be without an end.
 */
export function readConfigText(file: string, shown: string): string {
  const bytes = Buffer.alloc(MOST_BYTES + 1);
  const handle = openSync(file, 'r');
  let size = 0;
  try {
    for (let count = 1; count > 0 && size < bytes.length; size += count) {
      count = readSync(handle, bytes, size, bytes.length - size, null);
    }
  } catch (error) {
    throw withPath(error, file);
  } finally {
    closeSync(handle);
  }
  if (size > MOST_BYTES) {
    throw new InputError(`${shown}:1: larger than 1 MiB, which no config is; --config takes a YAML file`);
  }
  const taken = bytes.subarray(0, size);
  const text = taken.toString('utf8');
  if (!isUtf8(taken)) {
    const at = text.indexOf('\ufffd');
    const line = text.slice(0, at).split('\n').length;
    throw notUtf8(`${shown}:${line}`);
  }
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    const line = text.slice(0, nul).split('\n').length;
    throw new InputError(`${shown}:${line}: a NUL byte; a config is text in UTF-8`);
  }
  return text;
}

/** Depth, keys said twice, aliases; iterative, so that no depth is too much for it. */
function checkTree(document: Document, fail: (offset: number, what: string) => never): void {
  // Of the nodes that aliases put elsewhere too: how many places they come to in all.
  let copies = 0;
  const waiting: { node: Node; depth: number; copied: boolean }[] = [];
  const add = (node: unknown, depth: number, copied: boolean) => {
    if (isNode(node)) waiting.push({ node, depth, copied });
  };
  add(document.contents, 1, false);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth, copied } = next;
    const offset = node.range?.[0] ?? 0;
    if (copied && ++copies > MOST_ALIASES * MOST_DEPTH) fail(offset, 'aliases of aliases: write out what they mean');
    if (isCollection(node) && depth > MOST_DEPTH) fail(offset, TOO_DEEP);
    if (isAlias(node)) {
      const meant = node.resolve(document);
      if (meant === undefined) fail(offset, `*${cut(node.source)} is no anchor above this line`);
      const [begin, , end] = meant!.range ?? [0, 0, 0];
      if (!copied && begin <= offset && offset < end) fail(offset, `*${cut(node.source)} stands for what it is in`);
      add(meant, depth, true);
    } else if (isMap(node)) {
      const keys = new Set<unknown>();
      for (const { key, value } of node.items) {
        if (isCollection(key) || isAlias(key)) fail((key as Node).range?.[0] ?? offset, 'a key is a word');
        const name = isScalar(key) ? key.value : key;
        if (keys.has(name)) fail((key as Node).range?.[0] ?? offset, `${cut(String(name))} stands here twice`);
        keys.add(name);
        add(value, depth + 1, copied);
      }
    } else if (isSeq(node)) {
      for (const item of node.items) add(item, depth + 1, copied);
    }
  }
}

/** About where a text that is too deep for the parser is at its deepest: after the most brackets, or the longest indent. */
function deepestOffset(text: string): number {
  let brackets = 0;
  let deepest = { depth: 0, at: 0 };
  for (const { 0: found, index } of text.matchAll(/[[{\]}]|^[ \-?]+/gm)) {
    if (found === '[' || found === '{') brackets++;
    else if (found === ']' || found === '}') brackets--;
    const depth = Math.max(brackets, found.length);
    if (depth > deepest.depth) deepest = { depth, at: index };
  }
  return deepest.at;
}

function lineOf(document: Document, lines: LineCounter, keys: readonly PropertyKey[]): number {
  let node: Node | null = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => (item.key instanceof Scalar ? item.key.value : item.key) === key);
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node)) {
      const item = node.items[key as number] as Node | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else {
      break;
    }
  }
  return lines.linePos(offset).line;
}
