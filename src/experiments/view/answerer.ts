// Answers questions about trained runs: opens a run when it is first asked about, keeps it open for the next question, and
// opens it anew when training has written other weights.

import type { BackendName } from '../../backends/index.js';
import { overrideRun } from '../../config/load.js';
import { interpolate } from '../../evaluation/interpolation.js';
import { drawNormals } from '../../inference/sentence-noise.js';
import { walkToPrior } from '../../inference/tilted-prior.js';
import { methods } from '../../methods/registry.js';
import type { Decoding } from '../../model/decoding.js';
import { RunFolder } from '../../runs/run-folder.js';
import { shownText } from '../../runs/shown-text.js';
import { checkCodes, decode } from '../decode.js';
import { encode } from '../encode.js';
import { nearestSentences, type SplitCodes, splitCodes } from '../neighbours.js';
import { latentModel, type OpenRun, openRun } from '../open-run.js';
import type { Following } from '../progress.js';
import type { Answer, Answers, Place, Question } from './questions.js';

/** Runs that are open at a time, unless more are being asked about. */
const MOST_OPEN = 2;

/** What computes, for all runs alike: backends are not changed under an open model. */
export interface AnsweringMachine {
  backend: BackendName | 'auto';
  threads: number | 'auto';
}

interface Opened {
  /** Of the weights. */
  state: string;
  run: Promise<OpenRun>;
  /** Questions that are being answered. */
  users: number;
  /** Codes of a split's sentences, by split and number. */
  codes: Map<string, SplitCodes>;
}

export class Answerer {
  /** By folder, the one that was asked last at the end. */
  private readonly opened = new Map<string, Opened>();

  constructor(private readonly machine: AnsweringMachine) {}

  /**
   * @throws {InputError} where the question cannot be answered for this run.
   * @throws {InterruptedError} if the signal asked to stop.
   */
  async answer(question: Question, following: Following = {}): Promise<Answer> {
    const opened = this.open(question.run);
    opened.users++;
    try {
      return await respond(await opened.run, opened.codes, question, following);
    } finally {
      opened.users--;
      this.closeIdle();
    }
  }

  /** Closes every run; none may be in use. */
  async dispose(): Promise<void> {
    const all = [...this.opened.values()];
    this.opened.clear();
    for (const { run } of all) await close(run);
  }

  private open(directory: string): Opened {
    const folder = new RunFolder(directory);
    const run = folder.config();
    const manifest = folder.manifest();
    const state = JSON.stringify([manifest?.selectedEpoch, manifest?.weights]);
    const found = this.opened.get(directory);
    this.opened.delete(directory);
    if (found?.state === state) {
      this.opened.set(directory, found);
      return found;
    }
    if (found !== undefined) this.retire(found);
    const { backend, threads } = this.machine;
    const here = overrideRun(run, [`backend=${backend}`, `threads=${threads}`], methods());
    const fresh: Opened = { state, run: openRun(here, folder), users: 0, codes: new Map() };
    this.opened.set(directory, fresh);
    // One that cannot be opened is tried anew when it is asked about again.
    fresh.run.catch(() => {
      if (this.opened.get(directory) === fresh) this.opened.delete(directory);
    });
    return fresh;
  }

  /** Runs with other weights by now, which somebody still uses. */
  private readonly retired = new Set<Opened>();

  private retire(opened: Opened): void {
    if (opened.users > 0) this.retired.add(opened);
    else void close(opened.run);
  }

  private closeIdle(): void {
    for (const opened of this.retired) {
      if (opened.users > 0) continue;
      this.retired.delete(opened);
      void close(opened.run);
    }
    for (const [directory, opened] of this.opened) {
      if (this.opened.size <= MOST_OPEN) return;
      if (opened.users > 0) continue;
      this.opened.delete(directory);
      void close(opened.run);
    }
  }
}

async function close(run: Promise<OpenRun>): Promise<void> {
  try {
    (await run).dispose();
  } catch {
    // It was never open, and whoever asked was told why.
  }
}

async function respond(
  opened: OpenRun,
  known: Map<string, SplitCodes>,
  question: Question,
  following: Following,
): Promise<Answer> {
  switch (question.ask) {
    case 'encode':
      return encoded(opened, question.text, following);
    case 'sample': {
      const model = latentModel(opened, 'a code of the prior');
      const keys = { seed: opened.run.seed, sentences: Int32Array.of(question.number) };
      const normals = drawNormals(keys, 'prior-sample', { from: 0, to: 1, size: model.latentSize });
      return { code: [...walkToPrior(model.prior?.(), normals, keys)] };
    }
    case 'decode': {
      const codes = { data: Float32Array.from(question.code), size: question.code.length, source: 'the code' };
      const [written] = await decode(opened, codes, { decoding: decodingOf(question) }, following);
      return { text: shownText(written!) };
    }
    case 'interpolate': {
      const from = await codeOf(opened, question.from, following);
      const to = await codeOf(opened, question.to, following);
      const codes = { data: interpolate(from, to, question.points), size: from.length, source: 'the way' };
      return { texts: (await decode(opened, codes, {}, following)).map(shownText) };
    }
    case 'neighbours': {
      const code = await codeOf(opened, question.of, following);
      const { split, limit, count } = question;
      const key = `${split} ${limit}`;
      const among = known.get(key) ?? (await splitCodes(opened, { split, limit }, following));
      known.set(key, among);
      const neighbours = nearestSentences(opened, code, among, { count, distance: 'euclidean' });
      return {
        among: among.indices.length,
        neighbours: neighbours.map(({ distance, text, label }) => ({ distance, text, label })),
      };
    }
  }
}

async function encoded(opened: OpenRun, text: string, { signal }: Following): Promise<Answers['encode']> {
  let unknown: string[] = [];
  const encoding = await encode(
    opened,
    { lines: [text], source: 'the sentence' },
    {
      signal,
      onProgress: (event) => {
        if (event.kind === 'unknown-given-words') unknown = event.words;
      },
    },
  );
  const { texts, mean, standardDeviation } = encoding;
  return { text: texts[0]!, unknown, mean: [...mean], standardDeviation: [...standardDeviation] };
}

/** @throws {InputError} for a code of another size than the run's, or that holds what is no number in single precision. */
async function codeOf(opened: OpenRun, place: Place, following: Following): Promise<Float32Array> {
  if ('text' in place) return Float32Array.from((await encoded(opened, place.text, following)).mean);
  const code = Float32Array.from(place.code);
  checkCodes(opened, { data: code, size: code.length, source: 'the code' });
  return code;
}

function decodingOf({ how, temperature, seed }: Extract<Question, { ask: 'decode' }>): Decoding {
  switch (how) {
    case 'greedy':
      return { method: 'greedy' };
    case 'sample':
      return { method: 'sample', temperature, seed };
    case 'beam':
      return { method: 'beam', width: 5, lengthPower: 0 };
  }
}
