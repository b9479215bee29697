// What a person should look at before training on a corpus: a line each, with how many there are and one example. Nothing
// here stops the work.

import { counted, percent } from '../notation.js';
import { looksLikeHeader } from './columns.js';
import type { CorpusStatistics, PreparationSettings } from './corpus.js';
import type { Finding, SourceReport } from './read-source.js';
import { SPLIT_NAMES, type SplitName } from './splits.js';

/** Held-out sentences that stand in the training split too. */
export interface Overlap {
  split: Exclude<SplitName, 'train'>;
  count: number;
  /** One of them, as its words. */
  example: string;
}

/** Sentences on average shorter than this, in words, are hardly sentences. */
const SHORT = 1.5;
/** Words of a split from which on its means say something. */
const ENOUGH_WORDS = 50;
/** A share of lines with a tab above which it divides columns, if not in all of them; and so many as are no slip. */
const MANY_TABS = 0.05;
const FEW_TABS = 10;
/** A share of unknown words that makes numbers hard to compare. */
export const MANY_UNKNOWN = 0.2;
/** From so many labels on, labels as many as half the sentences look like names of the lines. */
const MANY_LABELS = 20;
/** Of a sentence or a label that is shown. */
const CHARACTERS_SHOWN = 60;

export interface Prepared {
  sources: readonly SourceReport[];
  statistics: CorpusStatistics;
  settings: PreparationSettings;
  overlaps: readonly Overlap[];
  /** Lines of the set as published; null where it is none, or was not divided so. */
  published: Record<SplitName, number> | null;
}

export function warningsOf({ sources, statistics, settings, overlaps, published }: Prepared): string[] {
  return [
    ...sources.flatMap((source) => lineWarnings(source, settings)),
    ...sources.flatMap((source) => headerWarnings(source, settings)),
    ...sources.flatMap(jsonWarnings),
    ...sources.flatMap(csvWarnings),
    ...copiedSources(sources),
    ...labelWarnings(sources, statistics),
    ...lengthWarnings(statistics),
    ...overlapWarnings(overlaps, statistics, settings),
    ...unlikePublished(sources, published),
  ];
}

function lineWarnings(source: SourceReport, { maxLength, labelColumn }: PreparationSettings): string[] {
  const { path, empty, truncated, truncatedWords, dropped, reserved } = source;
  const { tabs, carriageReturns, zeroWidth, quotedLabels, sentences } = source;
  const columns =
    labelColumn !== 'required' && tabs.count > Math.min(sentences / 2, Math.max(FEW_TABS, MANY_TABS * sentences));
  const found: [Finding, string][] = [
    [empty, 'without a word, skipped'],
    [truncated, `over ${maxLength} words, cut (${truncatedWords} words lost)`],
    [dropped, `over ${maxLength} words, dropped`],
    [reserved, 'with a word spelled like a special, read as <unk>'],
    [
      columns ? tabs : { ...tabs, count: 0 },
      'with a tab, read as white space; where it ends a label, say data.labelColumn: required (sri prepare --labels)',
    ],
    [carriageReturns, 'with a carriage return inside, read as white space; lines end in a line feed'],
    [zeroWidth, 'with a character of no width (such as U+200B), which makes words differ that look alike'],
    [quotedLabels, 'with quotation marks around the label, which are taken as part of it'],
  ];
  return found.flatMap(([{ count, firstLines }, what]) =>
    count === 0 ? [] : [`${counted(count, 'line')} ${what}: ${path}:${firstLines[0]}`],
  );
}

function headerWarnings({ path, first }: SourceReport, { header }: PreparationSettings): string[] {
  if (header || first === null) return [];
  const columns = [...(first.label === null ? [] : [first.label]), ...first.text.trim().split('\t')];
  if (!looksLikeHeader(columns)) return [];
  return [
    `the first line looks like the names of the columns, and is read as a sentence: ${path}:${first.line}: ` +
      `${quoted(columns.join(' '))}; leave it out with --header or data.header`,
  ];
}

/** JSON lines are a usual way to keep a text, and are none that is read here. */
function jsonWarnings({ path, first }: SourceReport): string[] {
  if (first === null || !isJsonObject(first.text)) return [];
  return [
    `the first line is JSON, and is read as a sentence, its names and marks too: ${path}:${first.line}: ` +
      `${quoted(first.text)}; write the texts alone, one a line, or label<TAB>text`,
  ];
}

/** Quotation marks, names of columns and line ends inside cells are read as the text's own. */
function csvWarnings({ path }: SourceReport): string[] {
  return /\.csv$/i.test(path)
    ? [`${path} is read as lines of text, marks and names of columns too; sri init takes a CSV apart`]
    : [];
}

function isJsonObject(text: string): boolean {
  if (!/^\s*\{\s*"/.test(text)) return false;
  try {
    return JSON.parse(text) !== null;
  } catch {
    return false;
  }
}

function copiedSources(sources: readonly SourceReport[]): string[] {
  return sources.flatMap((source, i) => {
    const same = sources.slice(0, i).find(({ sha256 }) => sha256 === source.sha256);
    return same === undefined ? [] : [`${same.path} and ${source.path} are the same text in two splits`];
  });
}

function labelWarnings(sources: readonly SourceReport[], { splits }: CorpusStatistics): string[] {
  const { train, valid, test } = splits;
  if (train.labels === null) return [];
  const counts = Object.entries(train.labels);
  const sentences = SPLIT_NAMES.reduce((sum, split) => sum + splits[split].sentences, 0);
  const words = SPLIT_NAMES.reduce((sum, split) => sum + splits[split].words, 0);
  const labelWords = sources.reduce((sum, source) => sum + source.labelWords, 0);
  const [example] = counts[0] ?? [''];
  const out: string[] = [];
  if (counts.length >= MANY_LABELS && counts.length > sentences / 2) {
    out.push(
      `${counts.length} labels for ${sentences} sentences, such as ${quoted(example)}: that names the lines, and is no class`,
    );
    return out;
  }
  if (labelWords > 2 * words) {
    out.push(
      `labels have ${labelWords} words and the texts ${words}, such as ${quoted(example)}: ` +
        'are the columns the wrong way round? The label comes first, then a tab',
    );
  }
  const once = counts.filter(([label, count]) => count === 1 && valid.labels![label]! + test.labels![label]! === 0);
  if (once.length > 0) {
    out.push(
      `${once.length} ${once.length === 1 ? 'label occurs' : 'labels occur'} once, such as ${quoted(once[0]![0])}`,
    );
  }
  const unseen = counts.filter(([, count]) => count === 0).map(([label]) => label);
  if (unseen.length > 0) {
    const held = unseen.reduce((sum, label) => sum + valid.labels![label]! + test.labels![label]!, 0);
    out.push(
      `${unseen.length} ${unseen.length === 1 ? 'label is' : 'labels are'} on ${held} held-out ` +
        `${held === 1 ? 'sentence' : 'sentences'} and on no training sentence, such as ${quoted(unseen[0]!)}`,
    );
  }
  return out;
}

function lengthWarnings({ splits }: CorpusStatistics): string[] {
  const out: string[] = [];
  const { train } = splits;
  if (train.words >= ENOUGH_WORDS && train.meanLength < SHORT) {
    out.push(
      `training sentences have ${train.meanLength.toFixed(1)} words on average: words are what white space separates; ` +
        'is this text written without spaces?',
    );
  }
  for (const split of SPLIT_NAMES) {
    const { words, unknown, unknownRate } = splits[split];
    if (words >= ENOUGH_WORDS && unknownRate > MANY_UNKNOWN) {
      out.push(
        `${unknown} words of the ${split} split, ${percent(unknownRate)} of them, are unknown and read as <unk>: ` +
          'a perplexity of such text is low for nothing; a larger data.vocabularySize or more text may help, and --tokenizer words ' +
          '(data.tokenizer) where spaces do not separate words',
      );
    }
  }
  return out;
}

function overlapWarnings(
  overlaps: readonly Overlap[],
  { splits }: CorpusStatistics,
  { division }: PreparationSettings,
): string[] {
  return overlaps.flatMap(({ split, count, example }) => {
    if (count === 0) return [];
    const { sentences } = splits[split];
    const mend = division === null ? '' : '; --distinct divides so that none does';
    return [
      `${count} of ${sentences} ${split} sentences (${percent(count / sentences)}) stand in the training split too, ` +
        `such as ${quoted(example)}${mend}`,
    ];
  });
}

function unlikePublished(sources: readonly SourceReport[], published: Record<SplitName, number> | null): string[] {
  // A text that is divided here is not the published division.
  if (published === null || sources.length !== SPLIT_NAMES.length) return [];
  return SPLIT_NAMES.flatMap((split, i) => {
    const { path, lines } = sources[i]!;
    if (lines === published[split]) return [];
    return [
      `${path} has ${lines} lines and the published ${split} split ${published[split]}: ` +
        'results are not those of the published set',
    ];
  });
}

function quoted(text: string): string {
  const shown = [...text.trim().replace(/\s+/g, ' ')];
  return `'${shown.length > CHARACTERS_SHOWN ? `${shown.slice(0, CHARACTERS_SHOWN).join('')}...` : shown.join('')}'`;
}
