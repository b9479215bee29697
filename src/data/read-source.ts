// One text file -> sentences, with everything noted that a person would want to know about its lines.
// Words get provisional numbers, in order of appearance, because the vocabulary is known only when training text
// has been read whole.

import { InputError } from '../errors.js';
import type { PreparationSettings } from './corpus.js';
import { readLines } from './lines.js';
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
}

/** A finding's file and line, of the lines that make an input wrong. */
export interface Place {
  path: string;
  line: number;
}

/** Hands out numbers 0, 1, 2, ... to strings in order of appearance. */
export class Interner {
  readonly numbers = new Map<string, number>();

  number(value: string): number {
    let number = this.numbers.get(value);
    if (number === undefined) {
      number = this.numbers.size;
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
  /** Provisional word numbers end to end, {@link MARKED_UNKNOWN} for the unknown token. */
  words: Int32Array;
  /** [sentences + 1]. */
  offsets: Int32Array;
  /** [sentences], or null where the text has no label column. */
  labels: Int32Array | null;
}

const LINES_SHOWN = 5;

/** Reads all the sources of a corpus, one after the other; the first line with words decides whether there are labels. */
export class SourceReader {
  readonly words = new Interner();
  readonly labels = new Interner();
  /** Known from the settings, or from the first line that has text. */
  private labelled: boolean | null;
  private firstLine: Place | null = null;
  private readonly invalid: Place[] = [];
  private readonly disagreeing: Place[] = [];
  private readonly withoutLabel: Place[] = [];

  constructor(private readonly settings: PreparationSettings) {
    this.labelled = { auto: null, none: false, required: true }[settings.labelColumn];
  }

  async read(path: string): Promise<{ sentences: RawSentences; report: SourceReport }> {
    const { maxLength, overLong, unknownToken, lowercase } = this.settings;
    const words = new IntegerList();
    const offsets = new IntegerList();
    const labels = new IntegerList();
    const empty = newFinding();
    const truncated = newFinding();
    const dropped = newFinding();
    const reserved = newFinding();
    let truncatedWords = 0;
    offsets.push(0);

    const file = await readLines(path, (text, line) => {
      if (text === null) {
        this.invalid.push({ path, line });
        return;
      }
      if (text.trim() === '') {
        note(empty, line);
        return;
      }
      const { label, body } = this.splitLabel(text, { path, line });
      let tokens = body.split(/\s+/).filter((token) => token !== '');
      if (tokens.length === 0) {
        note(empty, line);
        return;
      }
      if (tokens.length > maxLength) {
        if (overLong === 'drop') {
          note(dropped, line);
          return;
        }
        note(truncated, line);
        truncatedWords += tokens.length - maxLength;
        tokens = tokens.slice(0, maxLength);
      }
      let hasReserved = false;
      for (const token of tokens) {
        const word = lowercase ? token.toLowerCase() : token;
        const marked = token === unknownToken;
        const special = !marked && isSpecial(word);
        words.push(marked || special ? MARKED_UNKNOWN : this.words.number(word));
        hasReserved ||= special;
      }
      if (hasReserved) note(reserved, line);
      offsets.push(words.length);
      if (label !== null) labels.push(this.labels.number(label));
    });

    const sentences = {
      words: words.values(),
      offsets: offsets.values(),
      labels: this.labelled ? labels.values() : null,
    };
    const found = { sentences: offsets.length - 1, empty, truncated, truncatedWords, dropped, reserved };
    return { sentences, report: { path, ...file, ...found } };
  }

  /** Throws InputError with every kind of wrong line that was met, in any of the files, each with its first places. */
  throwIfWrong(): void {
    const problems: string[] = [];
    if (this.invalid.length > 0) {
      problems.push(`not UTF-8: ${places(this.invalid)}; save the text as UTF-8`);
    }
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
