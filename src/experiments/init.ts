// From a text file to a config that suits it and the machine: looks at the text, prepares it, and chooses the largest model
// that LSTM-LM and SRI can be trained and measured with in the time there is.

import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CONFIG_DIRECTORY, loadConfig } from '../config/load.js';
import {
  type Columns,
  describeColumns,
  LOOKED_AT,
  lookAtColumns,
  looksLikeHeader,
  MOST_LABELS,
  writeItems,
} from '../data/columns.js';
import { corpusOrigin } from '../data/corpus-files.js';
import { type Line, readLines, refuseStreams } from '../data/lines.js';
import type { PreparationReport } from '../data/prepare.js';
import { type NotText, wrongLines } from '../data/read-source.js';
import { findDataSet } from '../data/registry.js';
import type { SplitName } from '../data/splits.js';
import { type Tokenizer, tokenize } from '../data/tokenize.js';
import { InputError } from '../errors.js';
import { methods } from '../methods/registry.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { makeFolder } from '../storage/folder.js';
import { ofFiles, ofText, prepare } from './prepare.js';
import { forecastReproduction } from './reproduce/reproduce.js';

export interface InitRequest {
  /** A text, an item a line, or columns of such; the training split where the others are given. */
  text: string;
  /** The other splits, where they come in files of their own. */
  heldOut?: Record<Exclude<SplitName, 'train'>, string> | undefined;
  /** Whether the shares of a text that is divided are of distinct sentences. */
  distinct?: boolean | undefined;
  /** Of the data set, its config and its folder; the file's own where absent. */
  name?: string | undefined;
  /** Folder that the config and the corpus are written under. */
  folder?: string | undefined;
  /** The most that training and measuring LSTM-LM and SRI are to take. */
  hours: number;
  /** `backend=...`, `threads=...`, by which time is estimated. */
  overrides?: readonly string[] | undefined;
  /** Asks to stop; nothing is left behind. */
  signal?: AbortSignal | undefined;
}

/** What is seen of a text. */
export interface TextFindings {
  /** Lines with words. */
  items: number;
  /** Different labels before a tab; null where there are none. */
  labels: number | null;
  header: boolean;
  tokenizer: Tokenizer;
  /** Different words, and those of them that come at least twice. */
  types: number;
  repeated: number;
  /** Words of an item: the mean, that which 98 of 100 items do not exceed, and the longest. */
  length: { mean: number; most: number; longest: number };
}

export interface Initialized {
  /** The config that was written. */
  config: string;
  findings: TextFindings;
  /** Of a file of columns: what was taken from them, the files of items that were written of it, and how many rows had no text. */
  taken: { columns: Columns; files: readonly string[]; withoutText: number } | null;
  report: PreparationReport;
  /** Estimated, of LSTM-LM and SRI, their rows of Table 1 too; null where the machine's speed is not known. */
  seconds: number | null;
}

/**
 * Writes `<name>.yaml` and prepares `data/<name>`.
 * @throws {InputError} where there is such a config already, or the text is none.
 * @throws {InterruptedError} when the signal asks to stop.
 */
export async function initialize(request: InitRequest): Promise<Initialized> {
  const { text, heldOut, distinct = false, folder = '.', hours, overrides = [], signal } = request;
  const name = request.name ?? nameOf(text);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    const why =
      request.name === undefined ? 'its name gives none for the data set' : `${name} will not do for a data set`;
    throw new InputError(`${text}: ${why}; give --name, of the letters A to Z, digits and . _ -`);
  }
  if (findDataSet(name) !== undefined) {
    throw new InputError(`${name} is a data set that sri knows; give this one another name with --name`);
  }
  for (const file of Object.values({ text, ...heldOut })) refuseStreams(file, true);
  const config = path.join(folder, `${name}.yaml`);
  refuseWritten(config);
  const scratch = await mkdtemp(path.join(tmpdir(), 'sri-init-'));
  // The items of an earlier time, which a corpus and its runs may be of.
  const before = (kept: string) => path.join(scratch, `before-${path.basename(kept)}`);
  try {
    const { taken, files } = await itemsOf({ train: text, ...heldOut }, path.join(folder, 'data'), name, scratch);
    await refuseForeign(files, path.join(folder, 'data', name));
    const findings = await lookAt(files.train.read, text, signal);
    const draft = path.join(scratch, `${name}.yaml`);
    const candidates = scalesFor(findings.items);
    // As seen from the config, with the separators of an address.
    const schema = path.relative(folder, path.join(CONFIG_DIRECTORY, 'config.schema.json')).replaceAll(path.sep, '/');
    const write = (scale: Scale) =>
      configText({ name, text, columns: taken?.columns ?? null, findings, scale, schema });
    await writeFile(draft, write(candidates[0]!));
    let report: PreparationReport;
    let chosen: { scale: Scale; seconds: number | null };
    try {
      const loaded = loadConfig(draft, methods());
      const out = path.join(folder, 'data', name);
      for (const { read, kept } of Object.values(files)) {
        if (kept === null) continue;
        makeFolder(path.dirname(kept));
        if (existsSync(kept)) await copyFile(kept, before(kept));
        await copyFile(read, kept);
      }
      const source = ({ read, kept }: Items) => kept ?? read;
      const { train, valid, test } = files;
      report = await prepare(
        valid === undefined || test === undefined
          ? ofText(source(train), loaded, { out, distinct })
          : ofFiles({ train: source(train), valid: source(valid), test: source(test) }, loaded, { out }),
        { runs: path.join(folder, 'runs'), signal, instead: 'Give this one another name with --name' },
      );
      chosen = await choose(candidates, 3600 * hours, async (scale) => {
        await writeFile(draft, write(scale));
        return secondsOf(draft, [...overrides, `data.directory=${out}`], path.join(folder, 'runs'));
      });
    } catch (error) {
      for (const { kept } of Object.values(files)) {
        if (kept === null) continue;
        if (existsSync(before(kept))) await copyFile(before(kept), kept);
        else await rm(kept, { force: true });
      }
      throw error;
    }
    await writeFileAtomic(config, write(chosen.scale));
    return { config, findings, taken, report, seconds: chosen.seconds };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** A split's text of items. */
interface Items {
  /** Where it can be read now. */
  read: string;
  /** Where it is to stay, made of a file of columns; null where it is the person's own. */
  kept: string | null;
}

type Splits<Value> = { train: Value } & Partial<Record<SplitName, Value>>;

/** The splits as texts of items: columns are taken apart as the training text's are. */
async function itemsOf(
  given: Splits<string>,
  folder: string,
  name: string,
  scratch: string,
): Promise<{ taken: Initialized['taken']; files: Splits<Items> }> {
  const columns = await lookAtColumns(given.train);
  const names = Object.keys(given) as SplitName[];
  if (columns === null) {
    const files = Object.fromEntries(names.map((split) => [split, { read: given[split]!, kept: null }]));
    return { taken: null, files: files as Splits<Items> };
  }
  const files: Partial<Record<SplitName, Items>> = {};
  let withoutText = 0;
  for (const split of names) {
    const read = path.join(scratch, `${split}.tsv`);
    withoutText += await writeItems(given[split]!, columns, read, given.train);
    files[split] = { read, kept: path.join(folder, `${name}${names.length > 1 ? `-${split}` : ''}-items.tsv`) };
  }
  const kept = Object.values(files).map((items) => items.kept!);
  return { taken: { columns, files: kept, withoutText }, files: files as Splits<Items> };
}

/**
 * Refuses to write items over a file that is not of an earlier time, which the corpus there would say.
 * @throws {InputError} naming it.
 */
async function refuseForeign(files: Splits<Items>, corpus: string): Promise<void> {
  const earlier = ((await corpusOrigin(corpus))?.sources ?? []).map((source) => path.resolve(source.path));
  for (const { read, kept } of Object.values(files)) {
    if (kept === null || !existsSync(kept) || earlier.includes(path.resolve(kept))) continue;
    // Of one that was killed.
    if (readFileSync(read).equals(readFileSync(kept))) continue;
    throw new InputError(`${kept}: there is such a file, where the items are to be; move it, or give another --name`);
  }
}

/** @throws {InputError} where the config is there: nothing is prepared over it. */
function refuseWritten(config: string): void {
  if (!existsSync(config)) return;
  throw new InputError(
    `${config}: there is such a config; give --name for another, or go on: sri train --config ${config}`,
  );
}

function nameOf(text: string): string {
  return (
    path
      .basename(text, path.extname(text))
      // Letters without their accents.
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+|-+$/g, '')
  );
}

/** A share of words with a punctuation mark at their end that tokenized text has not. */
const UNTOKENIZED = 0.05;

/** @param shown what messages call the file. */
async function lookAt(file: string, shown: string, signal: AbortSignal | undefined): Promise<TextFindings> {
  const first: string[] = [];
  const notText: NotText = { encoding: [], nul: [] };
  const take = (read: Line, line: number) => {
    if (read.wrong !== null) notText[read.wrong].push({ path: file, line });
    else if (read.text.trim() !== '' && first.length < LOOKED_AT) first.push(read.text);
  };
  await readLines(file, take, signal);
  const wrong = wrongLines(notText);
  if (wrong.length > 0) throw new InputError(wrong.join('\n'));
  const header = looksLikeHeader((first[0] ?? '').trim().split('\t'));
  const sample = header ? first.slice(1) : first;
  const wordless = new InputError(`${shown}: no lines with words; give a text of an item a line`);
  if (sample.length === 0) throw wordless;
  const names = new Set(sample.map((line) => line.slice(0, line.indexOf('\t')).trim()));
  const labelled =
    sample.every((line) => line.includes('\t')) && names.size <= Math.min(MOST_LABELS, Math.max(1, sample.length / 2));
  const bodyOf = (line: string) => (labelled ? line.slice(line.indexOf('\t') + 1) : line);
  const tokenizer = tokenizerFor(sample.map(bodyOf));

  const counts = new Map<string, number>();
  const lengths: number[] = [];
  const labels = new Set<string>();
  let due = header;
  const count = ({ text }: Line) => {
    if (text === null || text.trim() === '') return;
    if (due) {
      due = false;
      return;
    }
    const tokens = tokenize(bodyOf(text), tokenizer, '<unk>');
    if (tokens.length === 0) return;
    if (labelled) labels.add(text.slice(0, text.indexOf('\t')).trim());
    lengths.push(tokens.length);
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  };
  await readLines(file, count, signal);
  if (lengths.length === 0) throw wordless;
  lengths.sort((a, b) => a - b);
  return {
    items: lengths.length,
    labels: labelled ? labels.size : null,
    header,
    tokenizer,
    types: counts.size,
    repeated: [...counts.values()].filter((count) => count > 1).length,
    length: {
      mean: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
      most: lengths[Math.ceil(0.98 * lengths.length) - 1]!,
      longest: lengths.at(-1)!,
    },
  };
}

/** Letters of scripts that put no spaces between words, more than a word has; or a full-width mark between letters. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}]{5}|\p{L}[。，！？；：、]/u;

/** Word boundaries, for text whose marks stand at its words, or that has no spaces. */
function tokenizerFor(bodies: readonly string[]): Tokenizer {
  const words = bodies.flatMap((body) => body.split(/\s+/).filter((word) => word !== ''));
  const marked = words.filter((word) => /[\p{L}\p{N}][.,!?;:]+["')\]]?$/u.test(word)).length;
  const unspaced = words.filter((word) => UNSPACED.test(word)).length;
  return (marked + unspaced) / words.length > UNTOKENIZED ? 'words' : 'whitespace';
}

/** Sizes of a model, and how long it learns. */
export interface Scale {
  wordVectorSize: number;
  hiddenSize: number;
  latentSize: number;
  epochs: { lm: number; sri: number };
}

/** Sentences that LSTM-LM is shown in all, which is enough for the frequent words of a small corpus. */
const SENTENCES_SEEN = 300_000;

/** What may be chosen for so many items, the largest first: sizes that the text can fill, then fewer epochs of the least. */
export function scalesFor(items: number): Scale[] {
  const lm = Math.min(30, Math.max(3, Math.round(SENTENCES_SEEN / items)));
  const epochs = { lm, sri: Math.max(2, Math.round(lm / 2)) };
  const sizes = [
    { least: 50_000, wordVectorSize: 256, hiddenSize: 512, latentSize: 32 },
    { least: 10_000, wordVectorSize: 256, hiddenSize: 256, latentSize: 32 },
    { least: 2_000, wordVectorSize: 128, hiddenSize: 128, latentSize: 32 },
    { least: 0, wordVectorSize: 64, hiddenSize: 64, latentSize: 16 },
  ].filter(({ least }) => items >= least);
  const scales = sizes.map(({ least: _, ...size }) => ({ ...size, epochs }));
  const smallest = scales.at(-1)!;
  for (let shorter = epochs; shorter.lm > 1; ) {
    shorter = { lm: Math.ceil(shorter.lm / 2), sri: Math.ceil(shorter.sri / 2) };
    scales.push({ ...smallest, epochs: shorter });
  }
  return scales;
}

/** The first that fits; the last where none does; where time cannot be told, the second, or the only one. */
async function choose(
  scales: readonly Scale[],
  seconds: number,
  estimate: (scale: Scale) => Promise<number | null>,
): Promise<{ scale: Scale; seconds: number | null }> {
  let found: { scale: Scale; seconds: number | null } | null = null;
  for (const scale of scales) {
    const needed = await estimate(scale);
    if (needed === null) return { scale: scales[1] ?? scale, seconds: null };
    found = { scale, seconds: needed };
    if (needed <= seconds) break;
  }
  return found!;
}

/** Seconds of LSTM-LM and SRI, trained and measured for Table 1. */
async function secondsOf(config: string, overrides: readonly string[], runs: string): Promise<number | null> {
  const { forecasts } = await forecastReproduction({
    loaded: loadConfig(config, methods()),
    overrides,
    tables: [1],
    figures: [],
    ais: false,
    methods: ['lstm-lm', 'sri'],
    split: 'test',
    runs,
    results: 'tables',
  });
  return forecasts.some(({ seconds }) => seconds === null)
    ? null
    : forecasts.reduce((sum, { seconds }) => sum + seconds!, 0);
}

/** The most types that are worth a row of the output layer. */
const MOST_TYPES = 20_000;
/** Words of the longest sentence that is taken whole. */
const LONGEST = 100;

function configText({
  name,
  text,
  columns,
  findings,
  scale,
  schema,
}: {
  name: string;
  text: string;
  /** What was taken of a file of columns; null of a text of items. */
  columns: Columns | null;
  findings: TextFindings;
  scale: Scale;
  /** Where the JSON Schema of configs is. */
  schema: string;
}): string {
  const { items, labels, header, tokenizer, types, repeated, length } = findings;
  // With hardly a word that comes twice, all are kept.
  const takesAll = repeated < 20;
  const vocabularySize = Math.min(MOST_TYPES, Math.max(3, takesAll ? types : repeated) + 2);
  // As many as the configurations of results/ and configs/ have; a vocabulary of no more is summed over whole.
  const words = vocabularySize > 5000 ? 500 : 300;
  const maxLength = Math.min(LONGEST, length.most);
  const lost = length.most > LONGEST ? 'truncate' : 'drop';
  const { wordVectorSize, hiddenSize, latentSize, epochs } = scale;
  const few = Math.max(2, Math.min(300, Math.floor(items / 10)));
  const count = (value: number) => value.toLocaleString('en-US');
  const described = [
    `${count(items)} items of ${length.mean.toFixed(1)} words on average, the longest ${count(length.longest)}`,
    `${count(types)} different words, ${count(repeated)} of them more than once`,
    labels === null ? 'no labels' : `${labels} labels`,
  ];
  return `# yaml-language-server: $schema=${schema}
# ${path.basename(text).replace(/\s+/g, ' ')}: ${[...(columns === null ? [] : [describeColumns(columns)]), ...described].join('; ')}.
# Written by sri init. Every key is described in docs/reference.md; what is not said here has its default there.
dataSet: ${JSON.stringify(name)}

data:
  vocabularySize: ${vocabularySize} # ${takesAll ? 'all words' : 'words that come at least twice'}, <unk> and </s>; ${count(MOST_TYPES)} at most
  maxLength: ${maxLength} # 98 of 100 items are no longer${maxLength < length.most ? ', but for the limit' : ''}
  overLong: ${lost} # what becomes of the others
  labelColumn: ${labels === null ? 'none' : 'required # label<TAB>text'}
  header: ${header} # whether the first line names the columns
  tokenizer: ${tokenizer} # ${tokenizer === 'words' ? 'marks stand at their words: taken apart by Unicode' : 'words are what spaces separate'}

model:
  latentSize: ${latentSize}
  wordVectorSize: ${wordVectorSize}
  hiddenSize: ${hiddenSize}
  wordDropout: 0.5
  outputDropout: 0.5
  weightRange: 0.1
  wordVectorRange: 0.1

optimizer: { name: adam, learningRate: 0.001, clipNorm: 5 }

training:
  batchSize: 32
  validationSentences: ${few}
  earlyStop: { patience: 3 }

evaluation:
  sentences: ${few} # the same for every method, so that a table's numbers can be compared; null for all
  aisSentences: ${Math.min(few, 16)}

methods:
  lstm-lm:
    training: { epochs: ${epochs.lm} }

  ae:
    training: { epochs: ${epochs.lm} }

  anneal-vae:
    training: { epochs: ${epochs.lm}, earlyStop: null }
    klWeight: { start: 0.1, warmupEpochs: ${Math.max(1, Math.round(epochs.lm / 3))}, cycleEpochs: null }

  fb-vae:
    startFrom: { encoder: ae }
    training: { epochs: ${epochs.lm}, earlyStop: null }
    klWeight: { start: 0, warmupEpochs: ${Math.max(1, Math.round(epochs.lm / 3))}, cycleEpochs: null }

  sri:
    training: { epochs: ${epochs.sri}, validationSentences: ${Math.min(few, 32)} } # log p(x) is estimated after each epoch
    settings:
      from-lm: # begins with LSTM-LM's decoder, which is trained first
        startFrom: { decoder: lstm-lm }
        langevin:
          steps: 10
          stepSize: [0.3, 0.25, 0.2, 0.15, 0.1]
          vocabulary: { frequent: ${words}, sampled: ${words} } # that a chain's softmax sums over, as training goes
          temperature: { start: 0.05, growFromEpoch: 1, growPerEpoch: 0.25, max: 0.55 } # rate control: less is more KL
      annealed: # from nothing
        langevin:
          steps: 10
          stepSize: [0.3, 0.25, 0.2, 0.15, 0.1]
          vocabulary: { frequent: ${words}, sampled: ${words} }
          temperature: { start: 0.05, growFromEpoch: 1, growPerEpoch: 0.15, max: 0.8 }
`;
}
