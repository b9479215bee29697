// Sentences moved along an attribute: the difference between the mean codes of two classes, added to a sentence's own code,
// and read back by the decoder. Whether the attribute came along is judged by the classifier of Table 5, which never saw the
// sentences that it judges.

import { evaluationSubset } from '../data/batches.js';
import { InputError } from '../errors.js';
import { predictBySvm } from '../evaluation/classification/classification.js';
import { labelledOrder, labelsOf } from '../evaluation/classification/labelled-sets.js';
import { SvmTrainer } from '../evaluation/classification/svm.js';
import { inferCodes, keysApart } from '../evaluation/codes.js';
import { pause } from '../interruption.js';
import { can } from '../methods/capability.js';
import { RandomStream } from '../random/philox.js';
import type { DecodedText } from '../runs/texts.js';
import { sha256 } from '../storage/sha256.js';
import { cut } from '../text.js';
import { type DecodingRequest, decodeTexts, settled } from './decode-texts.js';
import { encode, type UnknownGivenWords } from './encode.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, rowKeeper, type Stage, stage } from './progress.js';

export interface TransferRequest extends DecodingRequest {
  /** A sentence each. */
  lines: readonly string[];
  /** Where the lines are from, for messages. */
  source: string;
  /** The class to move to. */
  to: string;
  /** The class to move from; all others together where absent. */
  from?: string | undefined;
  /** Times the difference of means. */
  strength: number;
  /** Labelled training sentences, of which the means are and from which the judge learns. */
  labels: number;
  /** Test sentences that the judge is judged by, at most. */
  judged: number;
}

export interface TransferredText extends DecodedText {
  /** From 1. */
  sentence: number;
  /** What was given, as the model reads it. */
  given: string;
  /** Its class as the judge sees it, and that of what was written; null of a text without words. */
  classBefore: string;
  classAfter: string | null;
}

export interface Share {
  value: number;
  /** Of the value, over sentences: sqrt(p (1 - p) / n). */
  standardError: number;
}

export interface Transfer {
  items: TransferredText[];
  /** Of the sentences, the share that the judge takes for the wanted class, as given and as written. */
  before: Share;
  after: Share;
  /** Of test sentences, the share whose class the judge knows, and how many they were; null where there is none. */
  judge: (Share & { sentences: number }) | null;
}

/**
 * Writes each sentence as one of another class, and keeps how many are taken for it as a row of the run: decodes
 * E_q[z] + strength (m_to - m_from), with m the mean of E_q[z] over labelled training sentences of a class (attribute
 * vectors, as in Larsen et al. 2016).
 * @throws {InputError} for a method without a code, a corpus without labels, a class that it has not or of which none of the
 *   labelled sentences is, and a line without words.
 * @throws {InterruptedError} if the signal asked to stop.
 */
export async function transfer(
  opened: OpenRun,
  { lines, source, to, from, strength, labels: wanted, judged, ...request }: TransferRequest,
  { signal, onProgress }: Following<Stage | UnknownGivenWords> = {},
): Promise<Transfer> {
  const start = performance.now();
  const { run, corpus } = opened;
  const draws = run.evaluation.featureDraws;
  const model = latentModel(opened, 'sri transfer');
  const { latentSize } = model;
  const names = corpus.labels ?? [];
  const classOf = (option: string, name: string) => {
    const found = names.indexOf(name);
    if (found >= 0) return found;
    const known = names.length === 0 ? 'this corpus has no labels' : `there are ${names.join(', ')}`;
    throw new InputError(`${option} ${cut(name)}: no label of ${corpus.directory}; ${known}`);
  };
  const [target, origin] = [classOf('--to', to), from === undefined ? null : classOf('--from', from)];
  if (target === origin) throw new InputError(`--from and --to are both ${cut(to)}; name two labels`);

  const { train, test } = corpus.splits;
  const every = Int32Array.from({ length: train.length }, (_, i) => i);
  const drawn = labelledOrder(labelsOf(train, every), { seed: run.seed, set: 0 }).slice(0, wanted);
  const codesOf = async (name: 'train' | 'test', indices: Int32Array) => {
    const split = corpus.splits[name];
    const { batchSize } = run.training;
    const options = { indices, batchSize, seed: run.seed, keys: keysApart(split, name), draws, signal };
    return (await inferCodes(model, split, options, stage(`codes of ${name}`, onProgress))).mean;
  };
  const known = { codes: await codesOf('train', drawn), labels: labelsOf(train, drawn) };
  const vector = attributeVector(known, latentSize, target, origin, strength);
  if (vector === null) {
    const lacking = known.labels.includes(target) ? (from ?? `any class but ${to}`) : to;
    throw new InputError(
      `of ${drawn.length} labelled training sentences none is of ${cut(lacking)}; take more with --labels`,
    );
  }

  const given = await encode(opened, { lines, source, draws }, { signal, onProgress }, 'sri transfer');
  const moved = given.mean.map((value, i) => value + vector[i % latentSize]!);
  const written = await decodeTexts(opened, moved, lines.length, settled(opened, request), { signal, onProgress });

  const withWords = written.flatMap(({ text }, i) => (text.trim() === '' ? [] : [i]));
  const again =
    withWords.length === 0
      ? new Float32Array()
      : (
          await encode(
            opened,
            { lines: withWords.map((i) => written[i]!.text), source: 'what was written', draws },
            { signal },
          )
        ).mean;
  const tested = evaluationSubset(test, Math.min(judged, test.length));
  const held = await codesOf('test', tested);

  const stream = new RandomStream({ seed: run.seed, purpose: 'cross-validation', batch: 0, step: drawn.length });
  const codes = Float32Array.from([...given.mean, ...again, ...held]);
  const { predicted } = await predictBySvm(
    await SvmTrainer.load(),
    known,
    codes,
    run.evaluation.classification,
    stream,
    () => pause(signal, 'stopped before what was written was judged'),
  );
  const [first, second] = [lines.length, lines.length + withWords.length];
  const after = new Map(withWords.map((i, place) => [i, predicted[first + place]!]));
  const right = predicted.subarray(second).filter((label, i) => label === test.label(tested[i]!)).length;
  const result: Transfer = {
    items: written.map((text, i) => ({
      sentence: i + 1,
      given: given.texts[i]!,
      ...text,
      classBefore: names[predicted[i]!]!,
      classAfter: after.has(i) ? names[after.get(i)!]! : null,
    })),
    before: share(predicted.subarray(0, first).filter((label) => label === target).length, lines.length),
    after: share([...after.values()].filter((label) => label === target).length, lines.length),
    judge: tested.length === 0 ? null : { ...share(right, tested.length), sentences: tested.length },
  };
  const { before, after: reached, judge } = result;
  const settings = {
    ...{ to, from: from ?? null, strength, labels: drawn.length, judged: tested.length, source },
    ...{ given: sha256(lines.join('\n')).slice(0, 12), decoding: JSON.stringify(settled(opened, request)) },
  };
  const keeper = rowKeeper(opened, () => settings);
  await keeper.keep({
    metric: 'transfer',
    estimator: 'svm',
    variant: variantOf(to, from),
    // By which the judge is judged: the sentences that are written anew are of no split.
    split: 'test',
    value: reached.value,
    standardError: reached.standardError,
    sentences: lines.length,
    draws: can(model.inference, 'mean') ? 0 : draws,
    facts: {
      ...{ before: before.value, beforeError: before.standardError },
      ...(judge !== null && { judge: judge.value, judgeError: judge.standardError, judged: judge.sentences }),
    },
    seed: run.seed,
    seconds: (performance.now() - start) / 1000,
    warnings: [],
  });
  keeper.settle();
  return result;
}

/** `to-glad`, `from-sad-to-glad`, as the name of a file may have it: labels are anybody's text, and whole in the row. */
function variantOf(to: string, from: string | undefined): string {
  const name = from === undefined ? `to-${to}` : `from-${from}-to-${to}`;
  return Array.from(name.replace(/[^\p{L}\p{N}_-]/gu, '_'))
    .slice(0, LONGEST_VARIANT)
    .join('');
}

/** Characters. */
const LONGEST_VARIANT = 40;

/**
 * strength (m_to - m_from), [latentSize]; null where there is nothing that one of the means could be of.
 * @param known codes `[items, latentSize]` with the class of each.
 * @param from null for all classes but `to`.
 */
export function attributeVector(
  { codes, labels }: { codes: Float32Array; labels: Int32Array },
  latentSize: number,
  to: number,
  from: number | null,
  strength: number,
): Float64Array | null {
  const mean = (of: (label: number) => boolean): Float64Array | null => {
    const sum = new Float64Array(latentSize);
    let count = 0;
    labels.forEach((label, item) => {
      if (!of(label)) return;
      count++;
      for (let d = 0; d < latentSize; d++) sum[d] = sum[d]! + codes[item * latentSize + d]!;
    });
    return count === 0 ? null : sum.map((value) => value / count);
  };
  const there = mean((label) => label === to);
  const here = mean((label) => (from === null ? label !== to : label === from));
  return there === null || here === null ? null : there.map((value, d) => strength * (value - here[d]!));
}

function share(count: number, of: number): Share {
  const value = count / of;
  return { value, standardError: Math.sqrt((value * (1 - value)) / of) };
}
