// One text file -> sentences, with everything noted that a person would want to know about its lines. Words get
// provisional numbers, in order of appearance, because the vocabulary is known only when training text has been read
// whole; they go to a file, since a text may be larger than memory.

import { InputError } from '../errors.js';
import { IntegerWriter, readIntegers } from '../storage/integer-file.js';
import type { PreparationSettings } from './corpus.js';
import { type Line, readLines } from './lines.js';
import { tokenize } from './tokenize.js';
import { SPECIALS } from './vocabulary.js';

/** A kind of finding: how many lines have it, and the first few by number. */
export interface Finding {
  count: number;
  firstLines: number[];
}

/** What was found in one source file. Nothing leaves the text without being counted here. */
export interface SourceReport {
  path: string;
  sha256: string;
  bytes: number;
  lines: number;
  /** Sentences taken. */
  sentences: number;
  /** Lines without a word, skipped. */
  empty: Finding;
  /** Sentences over the maximum length that were cut, and the words cut from them. */
  truncated: Finding;
  truncatedWords: number;
  /** Sentences over the maximum length that were left out. */
  dropped: Finding;
  /** Lines with words spelled like a special other than the unknown token; such words become `<unk>`. */
  reserved: Finding;
  /** Lines with a tab in the text, which is white space there. */
  tabs: Finding;
  /** Lines with a carriage return that ends no line, as in files of an old Mac; it is white space too. */
  carriageReturns: Finding;
  /** Lines with characters that take no room (U+200B to U+200D, U+2060, U+FEFF), which make words that look alike differ. */
  zeroWidth: Finding;
  /** Lines whose label stands in quotation marks. */
  quotedLabels: Finding;
  /** The first line with words, as the columns it has; null where the file has none. */
  first: { line: number; label: string | null; text: string } | null;
  /** Words of all the labels. */
  labelWords: number;
}

/** A finding's file and line, of the lines that make an input wrong. */
export interface Place {
  path: string;
  line: number;
}

/** Lines that are no text, by why they are none. */
export type NotText = Record<'encoding' | 'nul', Place[]>;

/** The most different strings that are told apart: what a JavaScript map holds, less some. */
const STRINGS_LIMIT = 16_000_000;

/** Hands out numbers 0, 1, 2, ... to strings in order of appearance. */
export class Interner {
  readonly numbers = new Map<string, number>();

  /** Throws RangeError for one string more than 16 million different ones. */
  number(value: string): number {
    let number = this.numbers.get(value);
    if (number === undefined) {
      number = this.numbers.size;
      if (number === STRINGS_LIMIT) throw new RangeError(`more than ${STRINGS_LIMIT.toLocaleString('en-US')}`);
      this.numbers.set(value, number);
    }
    return number;
  }
}

/** Integers appended one at a time. */
export class IntegerList {
  private data = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.data.length) {
      const grown = new Int32Array(this.length * 2);
      grown.set(this.data);
      this.data = grown;
    }
    this.data[this.length++] = value;
  }

  /** The values, as a view. */
  values(): Int32Array {
    return this.data.subarray(0, this.length);
  }
}

/** The provisional number of the text's unknown token, and of words that cannot be told from a special. */
export const MARKED_UNKNOWN = -1;

/** Sentences before the vocabulary is known; `labels` are provisional numbers too. */
export interface RawSentences {
  /** File of the provisional word numbers end to end, {@link MARKED_UNKNOWN} for the unknown token. */
  words: string;
  /** Words of each sentence; [sentences]. */
  lengths: Int32Array;
  /** [sentences], or null where the text has no label column. */
  labels: Int32Array | null;
}

/** The words of each sentence, in their order; an array is good until the next is asked for. */
export function* sentencesOf({ words, lengths }: RawSentences): Generator<Int32Array> {
  const pieces = readIntegers(words);
  let piece: Int32Array = new Int32Array(0);
  let at = 0;
  try {
    for (const length of lengths) {
      if (at + length <= piece.length) {
        yield piece.subarray(at, at + length);
        at += length;
        continue;
      }
      const sentence = new Int32Array(length);
      for (let have = 0; have < length; ) {
        if (at === piece.length) {
          piece = pieces.next().value as Int32Array;
          at = 0;
        }
        const taken = piece.subarray(at, at + length - have);
        sentence.set(taken, have);
        have += taken.length;
        at += taken.length;
      }
      yield sentence;
    }
  } finally {
    // The last numbers leave the file open, whose end was not asked for.
    pieces.return(undefined);
  }
}

/** Of a finding, or of lines that are wrong. */
const LINES_SHOWN = 5;

/** Reads all the sources of a corpus, one after the other; the first line with words decides whether there are labels. */
export class SourceReader {
  readonly words = new Interner();
  readonly labels = new Interner();
  /** Known from the settings, or from the first line that has text. */
  private labelled: boolean | null;
  private firstLine: Place | null = null;
  private readonly notText: NotText = { encoding: [], nul: [] };
  private readonly disagreeing: Place[] = [];
  private readonly withoutLabel: Place[] = [];

  /** @param signal asks to stop reading. */
  constructor(
    private readonly settings: PreparationSettings,
    private readonly signal?: AbortSignal,
  ) {
    this.labelled = { auto: null, none: false, required: true }[settings.labelColumn];
  }

  /**
   * @param into a file that is made, of the words' numbers.
   * @throws InputError where the file cannot be read, or has more different words or labels than can be told apart.
   * @throws InterruptedError when the signal asks to stop.
   */
  async read(path: string, into: string): Promise<{ sentences: RawSentences; report: SourceReport }> {
    const { maxLength, overLong, unknownToken, lowercase, header, tokenizer = 'whitespace' } = this.settings;
    const words = new IntegerWriter(into);
    const lengths = new IntegerList();
    const labels = new IntegerList();
    const found = {
      empty: newFinding(),
      truncated: newFinding(),
      dropped: newFinding(),
      reserved: newFinding(),
      tabs: newFinding(),
      carriageReturns: newFinding(),
      zeroWidth: newFinding(),
      quotedLabels: newFinding(),
    };
    let truncatedWords = 0;
    let labelWords = 0;
    let first: SourceReport['first'] = null;
    let headerDue = header ?? false;

    const visit = (text: string, line: number) => {
      if (text.trim() === '') {
        note(found.empty, line);
        return;
      }
      if (headerDue) {
        headerDue = false;
        return;
      }
      const { label, body } = this.splitLabel(text, { path, line });
      let tokens = tokenize(body, tokenizer, unknownToken);
      if (tokens.length === 0) {
        note(found.empty, line);
        return;
      }
      first ??= { line, label, text: body };
      if (body.includes('\t')) note(found.tabs, line);
      if (LONE_CARRIAGE_RETURN.test(text)) note(found.carriageReturns, line);
      if (ZERO_WIDTH.test(text)) note(found.zeroWidth, line);
      if (tokens.length > maxLength) {
        if (overLong === 'drop') {
          note(found.dropped, line);
          return;
        }
        note(found.truncated, line);
        truncatedWords += tokens.length - maxLength;
        tokens = tokens.slice(0, maxLength);
      }
      let hasReserved = false;
      for (const token of tokens) {
        const word = lowercase ? token.toLowerCase() : token;
        const marked = token === unknownToken;
        const special = !marked && isSpecial(word);
        words.push(marked || special ? MARKED_UNKNOWN : numbered(this.words, word, 'words', { path, line }));
        hasReserved ||= special;
      }
      if (hasReserved) note(found.reserved, line);
      lengths.push(tokens.length);
      if (label === null) return;
      labels.push(numbered(this.labels, label, 'labels', { path, line }));
      labelWords += label.split(/\s+/).length;
      if (QUOTED.test(label)) note(found.quotedLabels, line);
    };
    try {
      const take = (read: Line, line: number) => {
        if (read.wrong === null) visit(read.text, line);
        else this.notText[read.wrong].push({ path, line });
      };
      const file = await readLines(path, take, this.signal);
      const sentences = { words: into, lengths: lengths.values(), labels: this.labelled ? labels.values() : null };
      const counts = { sentences: lengths.length, truncatedWords, labelWords, first };
      return { sentences, report: { path, ...file, ...found, ...counts } };
    } finally {
      words.close();
    }
  }

  /** Throws InputError with every kind of wrong line that was met, in any of the files, each with its first places. */
  throwIfWrong(): void {
    const problems = wrongLines(this.notText);
    if (this.disagreeing.length > 0) {
      const first = `the first line, ${this.firstLine!.path}:${this.firstLine!.line},`;
      const says = this.labelled
        ? 'has a label before a tab, but there is no tab at'
        : 'has no tab, but there is one at';
      problems.push(
        `${first} ${says} ${places(this.disagreeing)}; write every line as label<TAB>text, or set labelColumn to none`,
      );
    }
    if (this.withoutLabel.length > 0) {
      problems.push(`no label: ${places(this.withoutLabel)}; write every line as label<TAB>text`);
    }
    if (problems.length > 0) throw new InputError(problems.join('\n'));
  }

  /** The label before the first tab, where the text has labels. A line that does not fit is noted as wrong. */
  private splitLabel(text: string, place: Place): { label: string | null; body: string } {
    if (this.settings.labelColumn === 'none') return { label: null, body: text };
    const tab = text.indexOf('\t');
    this.labelled ??= tab !== -1;
    this.firstLine ??= place;
    if (tab === -1) {
      if (this.labelled) (this.settings.labelColumn === 'auto' ? this.disagreeing : this.withoutLabel).push(place);
      return { label: null, body: text };
    }
    if (!this.labelled) {
      this.disagreeing.push(place);
      return { label: null, body: text };
    }
    const label = text.slice(0, tab).trim();
    if (label === '') this.withoutLabel.push(place);
    return { label, body: text.slice(tab + 1) };
  }
}

/** What is said of lines that are no text, a problem each. */
export function wrongLines({ encoding, nul }: NotText): string[] {
  const problem = (what: string, where: readonly Place[]) => {
    if (where.length === 0) return [];
    const packed = where.some(({ path }) => PACKED.test(path));
    return [`${what}: ${places(where)}; ${packed ? 'unpack the file first' : 'save the text as UTF-8'}`];
  };
  return [...problem('not UTF-8', encoding), ...problem('NUL bytes, as in UTF-16 or in a file that is no text', nul)];
}

/** How files that have to be unpacked are called. */
const PACKED = /\.(gz|bz2|xz|zst|zip)$/i;

/** A carriage return that is not the end of a line's. */
const LONE_CARRIAGE_RETURN = /\r(?!$)/;
const ZERO_WIDTH = /[\u200b-\u200d\u2060\ufeff]/;
const QUOTED = /^(["']).*\1$/;

/** A string's number. Throws InputError, with the place, where there are too many. */
function numbered(interner: Interner, value: string, what: string, { path, line }: Place): number {
  try {
    return interner.number(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const advice = what === 'words' ? 'lower-case the text, or give less of it' : 'leave the column out';
    throw new InputError(`${path}:${line}: ${error.message} different ${what} up to here; ${advice}`);
  }
}

function isSpecial(token: string): boolean {
  return (SPECIALS as readonly string[]).includes(token);
}

const newFinding = (): Finding => ({ count: 0, firstLines: [] });

function note(finding: Finding, line: number): void {
  finding.count++;
  if (finding.firstLines.length < LINES_SHOWN) finding.firstLines.push(line);
}

/** `path:line` of the first few places, and how many more there are. */
export function places(all: readonly Place[]): string {
  const shown = all.slice(0, LINES_SHOWN).map(({ path, line }) => `${path}:${line}`);
  if (all.length > LINES_SHOWN) shown.push(`and ${all.length - LINES_SHOWN} more`);
  return shown.join(', ');
}
