// The program as functions: what each command does, for a program that imports it. Requests are plain objects with the
// defaults of the command line, results are data, nothing is printed. Whatever takes long is followed and stopped by
// `{ signal, onProgress }`, and ends with an InterruptedError when it was stopped; what was finished before is kept.

import type { PreparationReport } from './data/prepare.js';
import type { SplitName } from './data/splits.js';
import { InputError } from './errors.js';
import { chooseRun, openConfig, trainedRun } from './experiments/choose-run.js';
import { decode as decodeCodes, type GivenCodes } from './experiments/decode.js';
import type { DecodingRequest } from './experiments/decode-texts.js';
import { type Encoding, encode as encodeLines, type UnknownGivenWords } from './experiments/encode.js';
import { checkMetrics, type EvaluationRequest, evaluateAlone, withEstimator } from './experiments/evaluate.js';
import { isDisposed, keepOpen, type OpenRun, openRun as openFolder } from './experiments/open-run.js';
import { loadPlugins } from './experiments/plugins.js';
import { configured, ofFiles, ofText, prepare } from './experiments/prepare.js';
import type { Following, RowEvent, Stage, WarningEvent } from './experiments/progress.js';
import type { Results } from './experiments/report.js';
import { type ReproductionEvent, reproduce as reproducePlan } from './experiments/reproduce/reproduce.js';
import { inTrainingOrder, trainRun } from './experiments/train.js';
import type { FigureKey } from './report/define-figure.js';
import type { TableKey } from './report/define-table.js';
import { checkRequest } from './requests.js';
import type { MeasuredRow } from './runs/row.js';
import type { Manifest } from './runs/run-folder.js';
import type { DecodedText } from './runs/texts.js';
import type { TrainingEvent } from './training/train.js';

/**
 * Makes known what a plugin defines, as `--plugin` does. A config's own are loaded with it.
 * @param name a path, or the name of a package; relative to the folder that the program runs in.
 * @throws {InputError} where there is no such module, it defines nothing, or a name is taken.
 */
export async function loadPlugin(name: string): Promise<void> {
  await loadPlugins([name]);
}

/** Keys of a configuration with their values: `{ 'model.hiddenSize': 64, 'langevin.temperature': { start: 1, ... } }`. */
export type Overrides = Readonly<Record<string, unknown>>;

/**
 * As `--set` has them: JSON is YAML. A key that is undefined is none.
 * @throws {InputError} for a number that is not finite, which JSON has no way to write.
 */
function written(set: Overrides = {}): string[] {
  const finite = (_name: string, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new InputError(`set: ${value} is no finite number`);
    return value;
  };
  return Object.entries(set)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${JSON.stringify(value, finite)}`);
}

/** A text to prepare: what a config describes, or files of one's own. */
export interface CorpusRequest {
  /** A config file, or the name of one in `configs/`; its `data` keys hold, and of a known set it says where the text is. */
  config?: string;
  /** A text, an item a line, divided 80/10/10 at random; a file each where it comes in three. */
  text?: string | Readonly<Record<SplitName, string>>;
  /** Folder of the raw files, where they are neither where a known set's data script puts them nor, of one's own, beside the config. */
  from?: string;
  /** Folder of the prepared corpus; `data.directory` of the config where absent, and needed where there is no config. */
  out?: string;
  /** Keys of `data`: `{ 'data.vocabularySize': 5000 }`. */
  set?: Overrides;
}

/**
 * Prepares a corpus: words, vocabulary, three splits as ids.
 * @throws {InputError} where there is no such text, nothing says what it is, or both `text` and `from` do.
 * @throws {InterruptedError} when the signal asks to stop; the corpus that was there before stays.
 */
export async function prepareCorpus(
  request: CorpusRequest,
  { signal }: Pick<Following<never>, 'signal'> = {},
): Promise<PreparationReport> {
  checkRequest('prepareCorpus', request);
  const { config, text, from, out, set } = request;
  if (text !== undefined && from !== undefined) {
    throw new InputError('prepareCorpus: text and from both say where the text is; give one');
  }
  const loaded = config === undefined ? null : await openConfig(config);
  const choice = { set: written(set), ...(out === undefined ? {} : { out }) };
  if (typeof text === 'string') return prepare(ofText(text, loaded, choice), { signal });
  if (text !== undefined) return prepare(ofFiles({ ...text }, loaded, choice), { signal });
  if (loaded === null) throw new InputError('prepareCorpus: give a config, or a text');
  return prepare(await configured(loaded, { ...choice, ...(from === undefined ? {} : { from }) }), { signal });
}

/** A run of a config. */
export interface TrainingRequest {
  /** A config file, or the name of one in `configs/`: `ptb`. */
  config: string;
  /** One of the config's methods, a setting after `@`: `fb-vae`, `sri@released`; `sri` where absent. */
  method?: string;
  /** Of all randomness; the config's where absent. */
  seed?: number;
  /** Keys that this run has its own way. */
  set?: Overrides;
  /** The run's folder; `<runs>/<data set>/<method>/seed-<seed>` where absent. */
  run?: string;
  /** Folder of all runs, `runs` where absent. */
  runs?: string;
}

/** A run that was trained. */
export interface TrainedRun {
  /** Its folder. */
  folder: string;
  /** What made it, and how its training ended. */
  manifest: Manifest;
}

/**
 * Trains a run to its end, from where it last stopped, and before it those that it starts from. A run that had ended is
 * left as it is.
 *
 * @param following `restart` begins the run anew where there is one already; its weights are lost then.
 * @throws {InputError} where the config does not have the run, its corpus is not prepared, or the folder holds another.
 * @throws {InterruptedError} after a checkpoint was saved, when the signal asks to stop.
 */
export async function train(
  request: TrainingRequest,
  { restart = false, ...following }: Following<TrainingEvent> & { restart?: boolean } = {},
): Promise<TrainedRun> {
  checkRequest('train', request);
  const { config, method, seed, set, run, runs = 'runs' } = request;
  const chosen = await chooseRun({ config, method, seed, overrides: written(set), run, runs });
  for (const one of inTrainingOrder(chosen, runs, { restart })) {
    if (one.folder !== chosen.folder) await trainRun(one.run, one.folder, runs, following);
  }
  const manifest = await trainRun(chosen.run, chosen.folder, runs, { ...following, restart });
  return { folder: chosen.folder.directory, manifest };
}

/** How a run is opened. */
export interface OpeningRequest {
  /** `best`, `last`, or `epoch-<n>` for those that `training.keepEpochs` kept; what `training.select` says where absent. */
  weights?: string;
  /** Keys of `evaluation`, `backend`, `threads` and `data.directory`: what may differ from the training. */
  set?: Overrides;
}

/**
 * Opens a trained run: starts its backend and loads its corpus and weights. The caller disposes it.
 * @param folder of the run.
 * @throws {InputError} where there is no such run, or its corpus is another.
 */
export async function openRun(folder: string, request: OpeningRequest = {}): Promise<OpenRun> {
  if (typeof folder !== 'string') throw new InputError(`openRun: ${folder} is no folder; give its path`);
  checkRequest('openRun', request);
  const { weights, set } = request;
  const { run, folder: found } = trainedRun(folder, written(set));
  return openFolder(run, found, weights);
}

/** What is measured of a run, and by what. */
export interface MeasuringRequest extends Partial<EvaluationRequest> {
  /** Of perplexity, by name; the configuration's where absent. */
  estimator?: string;
  /** Draws a sentence of that estimator; the configuration's where absent. */
  samples?: number;
}

/**
 * Measures an opened run on a split, `test` where absent, and keeps each number as a row in its folder.
 * @throws {InputError} where there is no such metric or split, the method lacks it, or a number is out of range.
 * @throws {InterruptedError} when the signal asks to stop; rows that were finished are kept.
 * @throws {Error} at the end, where everything was measured and a row could not be written.
 */
export async function evaluate(
  opened: OpenRun,
  asked: MeasuringRequest = {},
  following: Following<Stage | RowEvent | WarningEvent> = {},
): Promise<MeasuredRow[]> {
  checkOpen('evaluate', opened);
  checkRequest('evaluate', asked);
  const { estimator, samples, split = 'test', ...request } = asked;
  checkMetrics(opened.run, request.metrics ?? []);
  checkWhole('evaluate: samples', samples, 2);
  checkWhole('evaluate: limit', request.limit, 1);
  const run = withEstimator(opened.run, estimator, samples);
  return keepOpen(opened, () => evaluateAlone({ ...opened, run }, { ...request, split }, following));
}

/**
 * q(z | x) of sentences, a string each, by the run's own inference.
 * @param request draws from q(z | x) a sentence, two or more; `evaluation.inferenceChains` where absent.
 * @throws {InputError} for a method without a code, for a sentence without words, and for fewer than two draws.
 * @throws {InterruptedError} when the signal asks to stop.
 */
export async function encode(
  opened: OpenRun,
  sentences: readonly string[],
  request: { draws?: number } = {},
  following: Following<Stage | UnknownGivenWords> = {},
): Promise<Encoding> {
  checkOpen('encode', opened);
  checkRequest('encode', request);
  const { draws } = request;
  if (!Array.isArray(sentences) || !sentences.every((sentence) => typeof sentence === 'string')) {
    throw new InputError('encode: sentences: an array with a string each');
  }
  checkWhole('encode: draws', draws, 2);
  return keepOpen(opened, () => encodeLines(opened, { lines: sentences, source: 'encode', draws }, following));
}

/**
 * The sentences that codes are decoded to.
 * @param codes `[sentences, latentSize]`, row-major: {@link Encoding.mean} is of that form.
 * @throws {InputError} for a method without a code, for codes of another size than its or with numbers that are not finite, and
 *   for settings of decoding out of range.
 * @throws {InterruptedError} when the signal asks to stop.
 */
export async function decode(
  opened: OpenRun,
  codes: Float32Array,
  request: DecodingRequest = {},
  following: Following<Stage> = {},
): Promise<DecodedText[]> {
  checkOpen('decode', opened);
  checkRequest('decode', request);
  const { latentSize } = opened.run.model;
  if (!(codes instanceof Float32Array)) throw new InputError('decode: codes: a Float32Array, a code after another');
  if (codes.length % latentSize !== 0) {
    throw new InputError(`decode: ${codes.length} numbers are no codes of ${latentSize} each`);
  }
  checkWhole('decode: maxLength', request.maxLength, 1);
  checkDecoding(request.decoding);
  const given: GivenCodes = { data: codes, size: latentSize, source: 'decode' };
  return keepOpen(opened, () => decodeCodes(opened, given, request, following));
}

/** @throws {InputError} where a number that is given is not whole, or less than the least. */
function checkWhole(what: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return;
  throw new InputError(`${what}: ${value}; a whole number from ${least}`);
}

/** @throws {InputError} for what is no opened run, or none any more. */
function checkOpen(what: string, opened: OpenRun): void {
  if (typeof opened?.dispose !== 'function') throw new InputError(`${what}: give a run that openRun opened`);
  if (isDisposed(opened)) throw new InputError(`${what}: ${opened.folder.directory} was disposed of; open it again`);
}

/** @throws {InputError} for an unknown way to decode, or one whose numbers are out of range. */
function checkDecoding(decoding: DecodingRequest['decoding']): void {
  switch (decoding?.method) {
    case undefined:
    case 'greedy':
      return;
    case 'sample':
      if (decoding.temperature > 0 && Number.isFinite(decoding.temperature)) return;
      throw new InputError(`decode: temperature: ${decoding.temperature}; a number above 0`);
    case 'beam':
      checkWhole('decode: width', decoding.width, 1);
      if (decoding.lengthPower >= 0 && Number.isFinite(decoding.lengthPower)) return;
      throw new InputError(`decode: lengthPower: ${decoding.lengthPower}; a number from 0`);
    default:
      throw new InputError(`decode: ${(decoding as { method: string }).method}: greedy, sample or beam`);
  }
}

/** Tables and figures. */
export interface ReproductionSpec {
  /** A config file, or the name of one in `configs/`. */
  config: string;
  /** Tables, by the paper's number or by name; `[1]` where neither tables nor figures are given. */
  tables?: readonly TableKey[];
  /** Figures, by the paper's number or by name. */
  figures?: readonly FigureKey[];
  /** Methods, a setting after `@`; those of the config that the tables and figures show where absent. */
  methods?: readonly string[];
  /** The config's where absent. */
  seeds?: readonly number[];
  /** Keys that all runs have their own way. */
  set?: Overrides;
  /** What is measured on, `test` where absent. */
  split?: SplitName;
  /** Folder of the raw files, should the corpus not be prepared yet. */
  from?: string;
  /** Folder of all runs, `runs` where absent. */
  runs?: string;
  /** Where tables and figures go, in a folder for each data set; `tables` where absent. */
  results?: string;
}

/**
 * Does what is missing for tables and figures - prepares, trains, measures - and writes them.
 * @returns what was written; null where no run has anything to show.
 * @throws {InputError} where nothing of it can be done.
 * @throws {InterruptedError} when the signal asks to stop.
 * @throws {Error} in the end, that says which tasks failed.
 */
export async function reproduce(
  asked: ReproductionSpec,
  { signal, onProgress }: Following<ReproductionEvent> = {},
): Promise<Results | null> {
  checkRequest('reproduce', asked);
  const { config, figures = [], set, split = 'test', runs = 'runs', results = 'tables', ...spec } = asked;
  const { tables = figures.length === 0 ? [1] : [] } = spec;
  let made: Results | null = null;
  const request = {
    ...spec,
    loaded: await openConfig(config),
    config,
    overrides: written(set),
    tables,
    figures,
    ais: false,
    split,
    runs,
    results,
  };
  await reproducePlan(request, {
    signal,
    onProgress: (event) => {
      if (event.kind === 'results') made = event.results;
      onProgress?.(event);
    },
  });
  return made;
}
