// Text -> corpus: reads the sources once, chooses the vocabulary from the training text, encodes the three splits,
// counts, and writes the folder that training reads.

import { InputError } from '../errors.js';
import { RandomStream } from '../random/philox.js';
import {
  type CorpusStatistics,
  EncodedSplit,
  type PreparationSettings,
  type PreparedCorpus,
  SPLIT_NAMES,
  type SplitName,
  type SplitStatistics,
} from './corpus.js';
import { writeCorpus } from './corpus-files.js';
import { type Interner, MARKED_UNKNOWN, type RawSentences, SourceReader, type SourceReport } from './read-source.js';
import { END, PAD, START, UNK, Vocabulary } from './vocabulary.js';

/** One text file a split, or one text to be divided at random. */
export type Sources = Record<SplitName, string> | { text: string; fractions: Record<SplitName, number>; seed: number };

export interface PrepareOptions extends Omit<PreparationSettings, 'division' | 'lowercase'> {
  /** Of the corpus, as tables and messages call it. */
  name: string;
  /** Directory of the prepared corpus. */
  output: string;
  splits: Sources;
  /** False where absent. */
  lowercase?: boolean;
  /** Lines of the set as published, where it is one in three files; another number of lines is reported. */
  published?: Record<SplitName, number> | null;
}

/** What preparing found: for a person by {@link formatPreparation}, for a machine as it is. */
export interface PreparationReport {
  name: string;
  directory: string;
  hash: string;
  settings: PreparationSettings;
  statistics: CorpusStatistics;
  sources: SourceReport[];
  /** Words of the training text that the vocabulary's limit left out. */
  wordsBeyondLimit: number;
  /** What a person should look at, with file and line; nothing in it stops the work. */
  warnings: string[];
}

/**
 * Prepares a corpus in `options.output`. The same text and settings give the same content hash.
 * Throws InputError, with file and line, for a missing file, text that is not UTF-8, lines with and without a label
 * in one corpus, a split that ends up empty, and settings out of range.
 */
export async function prepareCorpus(options: PrepareOptions): Promise<PreparedCorpus & { report: PreparationReport }> {
  const settings = checkedSettings(options);
  const reader = new SourceReader(settings);
  const { raw, sources } = await readSources(options.splits, reader);
  reader.throwIfWrong();
  for (const split of SPLIT_NAMES) {
    if (raw[split].offsets.length === 1) throw new InputError(emptySplit(split, options.splits, sources));
  }

  const trainingWords = countWords(raw.train, reader.words);
  const vocabulary = Vocabulary.build(trainingWords, settings.vocabularySize);
  const labels = raw.train.labels === null ? null : [...reader.labels.numbers.keys()].sort();
  const encoding = Int32Array.from(reader.words.numbers.keys(), (word) => vocabulary.encode(word));
  const labelEncoding = Int32Array.from(reader.labels.numbers.keys(), (label) => labels?.indexOf(label) ?? 0);

  const splits = {} as Record<SplitName, EncodedSplit>;
  const statistics = { vocabulary: vocabulary.size, splits: {} as Record<SplitName, SplitStatistics> };
  for (const name of SPLIT_NAMES) {
    const { words, offsets, labels: rawLabels } = raw[name];
    const ids = words.map((word) => (word === MARKED_UNKNOWN ? UNK : encoding[word]!));
    splits[name] = new EncodedSplit(name, ids, offsets, rawLabels?.map((label) => labelEncoding[label]!) ?? null);
    statistics.splits[name] = describe(splits[name], countTypes(words), labels);
  }

  const corpus = await writeCorpus(options.output, {
    name: options.name,
    settings,
    vocabulary,
    labels,
    splits,
    statistics,
    sources,
  });
  const report: PreparationReport = {
    name: options.name,
    directory: options.output,
    hash: corpus.hash,
    settings,
    statistics,
    sources,
    wordsBeyondLimit: trainingWords.size - (vocabulary.size - [PAD, UNK, START, END].length),
    warnings: [...warnings(sources, statistics, settings), ...unlikePublished(sources, options.published ?? null)],
  };
  return { ...corpus, report };
}

function checkedSettings(options: PrepareOptions): PreparationSettings {
  const { vocabularySize, maxLength, overLong, lowercase = false, unknownToken, labelColumn, splits } = options;
  if (!(Number.isInteger(maxLength) && maxLength > 0)) {
    throw new InputError(`maxLength is ${maxLength}; it must be a whole number of words, 1 or more`);
  }
  let division: PreparationSettings['division'] = null;
  if ('text' in splits) {
    const { train, valid, test } = splits.fractions;
    if (![train, valid, test].every((share) => share > 0) || Math.abs(train + valid + test - 1) > 1e-9) {
      throw new InputError(`the fractions are ${train}, ${valid}, ${test}; they must be above 0 and sum to 1`);
    }
    division = { train, valid, test, seed: splits.seed };
  }
  return { vocabularySize, maxLength, overLong, lowercase, unknownToken, labelColumn, division };
}

type RawSplits = Record<SplitName, RawSentences>;

async function readSources(
  splits: Sources,
  reader: SourceReader,
): Promise<{ raw: RawSplits; sources: SourceReport[] }> {
  if ('text' in splits) {
    const { sentences, report } = await reader.read(splits.text);
    return { raw: divide(sentences, splits.fractions, splits.seed), sources: [report] };
  }
  const raw = {} as RawSplits;
  const sources: SourceReport[] = [];
  for (const split of SPLIT_NAMES) {
    const { sentences, report } = await reader.read(splits[split]);
    raw[split] = sentences;
    sources.push(report);
  }
  return { raw, sources };
}

/** Divides at random by `seed`; within a split, sentences keep the order of the text. */
function divide(all: RawSentences, fractions: Record<SplitName, number>, seed: number): RawSplits {
  const count = all.offsets.length - 1;
  const order = new RandomStream({ seed, purpose: 'text-split' }).permutation(count);
  const valid = Math.round(count * fractions.valid);
  const test = Math.round(count * fractions.test);
  return {
    valid: select(all, order.slice(0, valid).sort()),
    test: select(all, order.slice(valid, valid + test).sort()),
    train: select(all, order.slice(valid + test).sort()),
  };
}

function select({ words, offsets, labels }: RawSentences, which: Int32Array): RawSentences {
  const chosenOffsets = new Int32Array(which.length + 1);
  which.forEach((sentence, i) => {
    chosenOffsets[i + 1] = chosenOffsets[i]! + offsets[sentence + 1]! - offsets[sentence]!;
  });
  const chosen = new Int32Array(chosenOffsets[which.length]!);
  which.forEach((sentence, i) => {
    chosen.set(words.subarray(offsets[sentence], offsets[sentence + 1]), chosenOffsets[i]);
  });
  return { words: chosen, offsets: chosenOffsets, labels: labels && which.map((sentence) => labels[sentence]!) };
}

function emptySplit(split: SplitName, splits: Sources, sources: SourceReport[]): string {
  if ('text' in splits) {
    const sentences = sources[0]!.sentences;
    return `${splits.text}: ${sentences} sentences are too few to divide: the ${split} split would be empty; give a longer text`;
  }
  const { path, lines, empty, dropped } = sources[SPLIT_NAMES.indexOf(split)]!;
  const lost = `${lines} lines, of them ${empty.count} empty and ${dropped.count} dropped as over-long`;
  return `${path}: the ${split} split has no sentences (${lost}); give a file with at least one sentence`;
}

/** How often each word comes. */
function countWords({ words }: RawSentences, interner: Interner): Map<string, number> {
  const counts = new Int32Array(interner.numbers.size);
  for (const word of words) if (word !== MARKED_UNKNOWN) counts[word]!++;
  const byWord = new Map<string, number>();
  for (const [word, number] of interner.numbers) if (counts[number]! > 0) byWord.set(word, counts[number]!);
  return byWord;
}

function countTypes(words: Int32Array): number {
  const types = new Set(words);
  types.delete(MARKED_UNKNOWN);
  return types.size;
}

function describe(split: EncodedSplit, types: number, labels: string[] | null): SplitStatistics {
  const words = split.ids.length;
  let unknown = 0;
  for (const id of split.ids) if (id === UNK) unknown++;
  let maxLength = 0;
  const byLabel = labels === null ? null : Object.fromEntries(labels.map((label) => [label, 0]));
  for (let i = 0; i < split.length; i++) {
    maxLength = Math.max(maxLength, split.offsets[i + 1]! - split.offsets[i]!);
    if (byLabel) byLabel[labels![split.label(i)!]!]!++;
  }
  return {
    sentences: split.length,
    words,
    types,
    unknown,
    unknownRate: unknown / words,
    meanLength: words / split.length,
    maxLength,
    labels: byLabel,
  };
}

function unlikePublished(sources: SourceReport[], published: Record<SplitName, number> | null): string[] {
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

function warnings(sources: SourceReport[], statistics: CorpusStatistics, settings: PreparationSettings): string[] {
  const out: string[] = [];
  for (const source of sources) {
    const add = (finding: SourceReport['empty'], what: string) => {
      if (finding.count === 0) return;
      const more = finding.count > finding.firstLines.length ? ', ...' : '';
      const at = finding.firstLines.map((line) => `${source.path}:${line}`).join(', ');
      out.push(`${finding.count} ${finding.count === 1 ? 'line' : 'lines'} ${what}: ${at}${more}`);
    };
    add(source.empty, 'without a word, skipped');
    add(source.truncated, `over ${settings.maxLength} words, cut (${source.truncatedWords} words lost)`);
    add(source.dropped, `over ${settings.maxLength} words, dropped`);
    add(source.reserved, 'with a word spelled like a special, read as <unk>');
  }
  for (const [i, source] of sources.entries()) {
    const same = sources.slice(0, i).find(({ sha256 }) => sha256 === source.sha256);
    if (same) out.push(`${same.path} and ${source.path} are the same text in two splits`);
  }
  const { train, valid, test } = statistics.splits;
  for (const label of Object.keys(train.labels ?? {})) {
    if (train.labels![label] === 0) {
      const held = valid.labels![label]! + test.labels![label]!;
      out.push(`label '${label}' is on ${held} held-out sentences and on no training sentence`);
    }
  }
  return out;
}
