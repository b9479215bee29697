// Text -> corpus: reads the sources once, chooses the vocabulary from the training text, encodes the three splits,
// counts, and writes the folder that training reads. Words go from file to file and are never in memory all at once: what
// is held is the different words, and 5 to 9 bytes a sentence (29 to 33 where distinct sentences are divided).

import { InputError } from '../errors.js';
import { pause } from '../interruption.js';
import type { CorpusStatistics, PreparationSettings, PreparedCorpus, SplitStatistics } from './corpus.js';
import { CorpusWriter, type SplitWriter } from './corpus-files.js';
import { divide, placeOf, sentenceKey, sortedDistinct } from './division.js';
import {
  type Interner,
  MARKED_UNKNOWN,
  type RawSentences,
  SourceReader,
  type SourceReport,
  sentencesOf,
} from './read-source.js';
import { SPLIT_NAMES, type SplitName } from './splits.js';
import type { Tokenizer } from './tokenize.js';
import { END, PAD, START, UNK, Vocabulary } from './vocabulary.js';
import { type Overlap, warningsOf } from './warnings.js';

/**
 * One text file a split, or one text to be divided at random. `distinct`: the shares are of distinct sentences, and all
 * copies of one go to one split.
 */
export type Sources =
  | Record<SplitName, string>
  | { text: string; fractions: Record<SplitName, number>; seed: number; distinct?: boolean };

export interface PrepareOptions extends Omit<PreparationSettings, 'division' | 'lowercase' | 'header' | 'tokenizer'> {
  /** Of the corpus, as tables and messages call it. */
  name: string;
  /** Directory of the prepared corpus. */
  output: string;
  splits: Sources;
  /** False where absent. */
  lowercase?: boolean | undefined;
  /** Whether the first line of each file names the columns, and is left out; false where absent. */
  header?: boolean | undefined;
  /** `whitespace` where absent. */
  tokenizer?: Tokenizer | undefined;
  /** Lines of the set as published, where it is one in three files; another number of lines is reported. */
  published?: Record<SplitName, number> | null | undefined;
  /** Asked before a corpus of other content is replaced, whose hash it is given; throws to keep that one. */
  mayReplace?: ((hash: string) => void) | undefined;
  /** Asks to stop; what was there before stays. */
  signal?: AbortSignal | undefined;
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
 * in one corpus, a split that ends up empty, and settings out of range; InterruptedError when the signal asks to stop.
 */
export async function prepareCorpus(options: PrepareOptions): Promise<PreparedCorpus & { report: PreparationReport }> {
  const settings = checkedSettings(options);
  const writer = await CorpusWriter.in(options.output);
  try {
    const { signal } = options;
    const reader = new SourceReader(settings, signal);
    const { texts, sources } = await readSources(options.splits, reader, writer);
    reader.throwIfWrong();
    // Which split each sentence of each text goes to, where a text has several.
    const { division } = settings;
    const membership =
      division && divide(texts[0]!.lengths.length, division, division.distinct ? keysOf(texts[0]!) : null);
    const splitOf = (text: number, sentence: number) => membership?.[sentence] ?? text;
    const sizes = sizesOf(texts, splitOf);
    for (const [i, split] of SPLIT_NAMES.entries()) {
      if (sizes[i]!.sentences > 0) continue;
      const distinct = division?.distinct ? new Set(keysOf(texts[0]!)).size : null;
      throw new InputError(emptySplit(split, options.splits, sources, distinct));
    }

    const passes = { texts, splitOf, signal };
    const { vocabulary, trainingTypes } = await chooseVocabulary(passes, reader.words, settings.vocabularySize);
    const labels = texts[0]!.labels === null ? null : [...reader.labels.numbers.keys()].sort();
    const encoders = SPLIT_NAMES.map((split, i) => {
      const shape = { ...sizes[i]!, labelled: labels !== null };
      return new SplitEncoder(writer.split(split, shape), vocabulary, reader, labels);
    });
    try {
      await eachSentence(passes, (split, words, label) => encoders[split]!.add(words, label));
    } finally {
      for (const encoder of encoders) encoder.close();
    }
    const statistics: CorpusStatistics = {
      vocabulary: vocabulary.size,
      splits: Object.fromEntries(SPLIT_NAMES.map((split, i) => [split, encoders[i]!.statistics()])) as Record<
        SplitName,
        SplitStatistics
      >,
    };

    const overlaps = await overlapsOf(passes, sizes, reader.words);
    const { name, published = null, mayReplace } = options;
    const corpus = await writer.finish({ name, settings, vocabulary, labels, statistics, sources }, mayReplace);
    const report: PreparationReport = {
      name,
      directory: options.output,
      hash: corpus.hash,
      settings,
      statistics,
      sources,
      wordsBeyondLimit: trainingTypes - (vocabulary.size - [PAD, UNK, START, END].length),
      warnings: warningsOf({ sources, statistics, settings, overlaps, published }),
    };
    return { ...corpus, report };
  } finally {
    await writer.close();
  }
}

function checkedSettings(options: PrepareOptions): PreparationSettings {
  const { vocabularySize, maxLength, overLong, lowercase = false, header = false, unknownToken } = options;
  const { labelColumn, splits } = options;
  if (!(Number.isInteger(maxLength) && maxLength > 0)) {
    throw new InputError(`maxLength is ${maxLength}; it must be a whole number of words, 1 or more`);
  }
  let division: PreparationSettings['division'] = null;
  if ('text' in splits) {
    const { train, valid, test } = splits.fractions;
    if (![train, valid, test].every((share) => share > 0) || Math.abs(train + valid + test - 1) > 1e-9) {
      throw new InputError(`the fractions are ${train}, ${valid}, ${test}; they must be above 0 and sum to 1`);
    }
    division = { train, valid, test, seed: splits.seed, ...(splits.distinct ? { distinct: true } : {}) };
  }
  const settings = { vocabularySize, maxLength, overLong, lowercase, unknownToken, labelColumn, division };
  // What is as it always was is left out, so that a corpus keeps its hash.
  const { tokenizer = 'whitespace' } = options;
  return { ...settings, ...(header ? { header } : {}), ...(tokenizer === 'whitespace' ? {} : { tokenizer }) };
}

/** Reads every text once. A corpus in three files is three texts, in the order of {@link SPLIT_NAMES}. */
async function readSources(
  splits: Sources,
  reader: SourceReader,
  writer: CorpusWriter,
): Promise<{ texts: RawSentences[]; sources: SourceReport[] }> {
  const paths = 'text' in splits ? [splits.text] : SPLIT_NAMES.map((split) => splits[split]);
  const texts: RawSentences[] = [];
  const sources: SourceReport[] = [];
  for (const [i, path] of paths.entries()) {
    const { sentences, report } = await reader.read(path, writer.scratch(`words-${i}`));
    texts.push(sentences);
    sources.push(report);
  }
  return { texts, sources };
}

/** The place in {@link SPLIT_NAMES} of the split that a text's sentence goes to. */
type SplitOf = (text: number, sentence: number) => number;

const TRAIN = SPLIT_NAMES.indexOf('train');

/** What a pass over all sentences goes through. */
interface Passes {
  texts: readonly RawSentences[];
  splitOf: SplitOf;
  signal: AbortSignal | undefined;
}

/** Sentences between two looks at whether to stop. */
const UNLOOKED = 1 << 16;

async function eachSentence(
  { texts, splitOf, signal }: Passes,
  visit: (split: number, words: Int32Array, label: number | null) => void,
): Promise<void> {
  for (const [number, text] of texts.entries()) {
    let sentence = 0;
    for (const words of sentencesOf(text)) {
      if (sentence % UNLOOKED === 0) await pause(signal, 'stopped before the corpus was prepared');
      visit(splitOf(number, sentence), words, text.labels?.[sentence] ?? null);
      sentence++;
    }
  }
}

function keysOf(text: RawSentences): Float64Array {
  const keys = new Float64Array(text.lengths.length);
  let sentence = 0;
  for (const words of sentencesOf(text)) keys[sentence++] = sentenceKey(words);
  return keys;
}

interface SplitSize {
  sentences: number;
  words: number;
}

function sizesOf(texts: readonly RawSentences[], splitOf: SplitOf): SplitSize[] {
  const sizes = SPLIT_NAMES.map(() => ({ sentences: 0, words: 0 }));
  for (const [number, { lengths }] of texts.entries()) {
    for (let sentence = 0; sentence < lengths.length; sentence++) {
      const size = sizes[splitOf(number, sentence)]!;
      size.sentences++;
      size.words += lengths[sentence]!;
    }
  }
  return sizes;
}

/** The most frequent words of the training text, and how many different ones it has. */
async function chooseVocabulary(
  passes: Passes,
  interner: Interner,
  limit: number,
): Promise<{ vocabulary: Vocabulary; trainingTypes: number }> {
  const counts = new Float64Array(interner.numbers.size);
  await eachSentence(passes, (split, words) => {
    if (split !== TRAIN) return;
    for (const word of words) if (word !== MARKED_UNKNOWN) counts[word]!++;
  });
  const trainingTypes = counts.reduce((types, count) => types + (count > 0 ? 1 : 0), 0);
  return { vocabulary: Vocabulary.ofCounts([...interner.numbers.keys()], counts, limit), trainingTypes };
}

/** Encodes and counts the sentences of one split as they come. */
class SplitEncoder {
  private readonly seen: Uint8Array;
  private readonly labelCounts: Float64Array | null;
  private sentences = 0;
  private words = 0;
  private types = 0;
  private unknown = 0;
  private maxLength = 0;
  private readonly ids: Int32Array;
  private readonly labelIds: Int32Array;

  constructor(
    private readonly writer: SplitWriter,
    vocabulary: Vocabulary,
    { words, labels }: Pick<SourceReader, 'words' | 'labels'>,
    private readonly labelNames: readonly string[] | null,
  ) {
    this.ids = Int32Array.from(words.numbers.keys(), (word) => vocabulary.encode(word));
    const places = new Map(labelNames?.map((label, i) => [label, i]));
    this.labelIds = Int32Array.from(labels.numbers.keys(), (label) => places.get(label) ?? 0);
    this.seen = new Uint8Array(this.ids.length);
    this.labelCounts = labelNames && new Float64Array(labelNames.length);
  }

  /** @param words,label provisional numbers. */
  add(words: Int32Array, label: number | null): void {
    const ids = words.map((word) => this.id(word));
    this.sentences++;
    this.words += ids.length;
    this.maxLength = Math.max(this.maxLength, ids.length);
    for (const id of ids) if (id === UNK) this.unknown++;
    const labelId = label === null ? null : this.labelIds[label]!;
    if (labelId !== null) this.labelCounts![labelId]!++;
    this.writer.add(ids, labelId);
  }

  close(): void {
    this.writer.close();
  }

  statistics(): SplitStatistics {
    const { sentences, words, types, unknown, maxLength, labelNames, labelCounts } = this;
    return {
      sentences,
      words,
      types,
      unknown,
      unknownRate: unknown / words,
      meanLength: words / sentences,
      maxLength,
      labels: labelNames && Object.fromEntries(labelNames.map((label, i) => [label, labelCounts![i]!])),
    };
  }

  private id(word: number): number {
    if (word === MARKED_UNKNOWN) return UNK;
    if (this.seen[word] === 0) {
      this.seen[word] = 1;
      this.types++;
    }
    return this.ids[word]!;
  }
}

/** How many of the held-out sentences the training split has as well. */
async function overlapsOf(passes: Passes, sizes: readonly SplitSize[], interner: Interner): Promise<Overlap[]> {
  const heldOut = new Float64Array(sizes.reduce((sum, { sentences }, i) => sum + (i === TRAIN ? 0 : sentences), 0));
  let have = 0;
  await eachSentence(passes, (split, words) => {
    if (split !== TRAIN) heldOut[have++] = sentenceKey(words);
  });
  const keys = sortedDistinct(heldOut);
  const learned = new Uint8Array(keys.length);
  await eachSentence(passes, (split, words) => {
    if (split !== TRAIN) return;
    const place = placeOf(keys, sentenceKey(words));
    if (place !== -1) learned[place] = 1;
  });
  const overlaps = SPLIT_NAMES.map(() => ({ count: 0, example: new Int32Array(0) }));
  await eachSentence(passes, (split, words) => {
    if (split === TRAIN || learned[placeOf(keys, sentenceKey(words))] === 0) return;
    const overlap = overlaps[split]!;
    if (overlap.count === 0) overlap.example = words.slice();
    overlap.count++;
  });
  const spelled = spellings(
    interner,
    overlaps.map(({ example }) => example),
  );
  return (['valid', 'test'] as const).map((split) => {
    const { count, example } = overlaps[SPLIT_NAMES.indexOf(split)]!;
    return { split, count, example: Array.from(example, (word) => spelled.get(word) ?? '<unk>').join(' ') };
  });
}

/** The words behind some provisional numbers. */
function spellings(interner: Interner, sentences: readonly Int32Array[]): Map<number, string> {
  const wanted = new Set(sentences.flatMap((words) => [...words]));
  const out = new Map<number, string>();
  for (const [word, number] of interner.numbers) if (wanted.has(number)) out.set(number, word);
  return out;
}

/** @param distinct how many sentences there are to divide where copies stay together; else null. */
function emptySplit(split: SplitName, splits: Sources, sources: SourceReport[], distinct: number | null): string {
  const divided = 'text' in splits;
  const { path, sentences, lines, empty, dropped } = sources[divided ? 0 : SPLIT_NAMES.indexOf(split)]!;
  const lost = `${lines} lines, of them ${empty.count} empty and ${dropped.count} dropped as longer than data.maxLength`;
  const number = distinct ?? sentences;
  const few = `${number} ${distinct === null ? '' : 'distinct '}${number === 1 ? 'sentence is' : 'sentences are'}`;
  const [what, more] = divided
    ? [`${few} too few to divide (${lost}): the ${split} split would be empty`, 'give a longer text, a sentence a line']
    : [`the ${split} split has no sentences (${lost})`, 'give a file with at least one sentence'];
  return `${path}: ${what}; ${dropped.count > 0 ? 'raise data.maxLength' : more}`;
}
