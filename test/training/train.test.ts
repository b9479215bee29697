import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import type { RunConfig } from '../../src/config/schema.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import { InterruptedError } from '../../src/errors.js';
import type { Method } from '../../src/methods/define-method.js';
import type { Model } from '../../src/methods/method.js';
import { methods } from '../../src/methods/registry.js';
import { loadCheckpoint } from '../../src/runs/checkpoint.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import type { StartingWeights } from '../../src/runs/weights.js';
import { decodeSafetensors } from '../../src/storage/safetensors.js';
import { type TrainingEvent, type TrainingOptions, train } from '../../src/training/train.js';
import { OWN_DEFAULTS, toyCorpus, toyRun } from './toy.js';

const corpus = toyCorpus();
let root: string;

beforeAll(async () => {
  await useBackend('cpu', 1);
});
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'sri-train-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Judges by the weights themselves: any deterministic number will do here. */
function judgeByWeights(model: Model): number {
  let sum = 0;
  for (const { data } of model.parameters.store().values()) for (const value of data) sum += Math.abs(value);
  return sum;
}

function options(run: RunConfig, name: string, more: Partial<TrainingOptions> = {}): TrainingOptions {
  return {
    run,
    method: methods().find((method) => method.name === run.method)!,
    corpus,
    folder: new RunFolder(path.join(root, name)),
    validator: { columns: [], validate: (model) => ({ loss: judgeByWeights(model), quantities: {}, verdict: null }) },
    provenance: { version: '0', commit: null, node: '', backend: 'cpu', backendDetails: '', threads: 1 },
    peakFlops: null,
    ...more,
  };
}

/** The method of a run, whose model says something of one of its updates. */
function warningAt(run: RunConfig, iteration: number, warning: string): Method {
  const method = methods().find(({ name }) => name === run.method)!;
  return {
    ...method,
    create: (...of) => {
      const model = method.create(...of);
      const learn = model.learn.bind(model);
      return Object.assign(model, {
        learn: (...[batch, at, learner]: Parameters<typeof learn>) => ({
          ...learn(batch, at, learner),
          ...(at.iteration === iteration ? { warning } : {}),
        }),
      });
    },
  };
}

/** The bytes of the newest checkpoint's tensors. */
function finalTensors(folder: RunFolder): Buffer {
  const last = readdirSync(folder.checkpoints)
    .filter((file) => file.endsWith('.safetensors'))
    .sort()
    .at(-1)!;
  return readFileSync(path.join(folder.checkpoints, last));
}

/** metrics.csv without the columns that depend on the clock. */
function metricsOf(folder: RunFolder): string[] {
  const timed = ['sentencesPerSecond', 'shareOfPeak', 'seconds'];
  const lines = readFileSync(folder.metrics, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const kept = lines[0]!.map((name, i) => (timed.includes(name) ? -1 : i)).filter((i) => i >= 0);
  return lines.map((line) => kept.map((i) => line[i]).join(','));
}

const searching = {
  every: 2,
  grid: [0.05, 0.2],
  sentences: 4,
  criterion: 'bound',
  chains: 64,
  foldLimit: 0.25,
} as const;
const CASES: [string, RunConfig][] = [
  [
    'sri, with a search for the step size',
    toyRun('sri', { langevin: { ...toyRun('sri').langevin, search: { ...searching, grid: [0.05, 0.2] } } }),
  ],
  [
    'lstm-lm, with decay from the best weights and a cosine within cycles',
    toyRun('lstm-lm', {
      optimizer: { ...toyRun('lstm-lm').optimizer, cosineEpochs: 2 },
      training: {
        ...toyRun('lstm-lm').training,
        epochs: 5,
        decay: { factor: 0.5, patience: 1, fromEpoch: 1, atMost: 5, restoreBest: true },
      },
    }),
  ],
  [
    'lagging-vae, with a state of its own',
    toyRun('lagging-vae', { aggressive: { ...OWN_DEFAULTS.aggressive, updates: 3, window: 1, sentences: 8 } }),
  ],
  [
    'sa-vae, with updates from several losses and Adam',
    toyRun('sa-vae', {
      optimizer: { ...toyRun('sri').optimizer },
      semiAmortized: { ...OWN_DEFAULTS.semiAmortized, steps: 2, learningRate: 1, momentum: 0.5, clipNorm: 5 },
    }),
  ],
];

it('reports what a model has to say of an update, and trains as it would', async () => {
  const run = toyRun('lstm-lm');
  const [plain, said] = [options(run, 'plain'), [] as [TrainingEvent['kind'], string?][]];
  await train(plain);
  const told = options(run, 'told', {
    method: warningAt(run, 1, 'take care'),
    report: (event) => said.push(event.kind === 'warning' ? [event.kind, event.text] : [event.kind]),
  });
  await train(told);
  const updates = said.filter(([kind]) => kind === 'warning' || kind === 'iteration').slice(0, 3);
  expect(updates).toEqual([['iteration'], ['warning', 'take care'], ['iteration']]);
  expect(said.filter(([kind]) => kind === 'warning')).toHaveLength(1);
  expect(metricsOf(told.folder)).toEqual(metricsOf(plain.folder));
});

describe.each(CASES)('%s', (_, run) => {
  it('ends with the same bits however often it was stopped', async () => {
    const whole = options(run, 'whole');
    const manifest = await train(whole);
    expect(manifest.finished).toEqual({ reason: 'all-epochs', epochs: run.training.epochs });
    expect(manifest.sentences.train).toBe(whole.corpus.splits.train.length);

    for (const stopAt of [1, 4, 7]) {
      const name = `stopped-${stopAt}`;
      let updates = 0;
      let stops = 0;
      for (;;) {
        const stop = new AbortController();
        const report = (event: TrainingEvent) => {
          if (event.kind === 'iteration' && ++updates % stopAt === 0) stop.abort();
        };
        try {
          await train(options(run, name, { signal: stop.signal, report }));
          break;
        } catch (error) {
          expect(error, String(error)).toBeInstanceOf(InterruptedError);
          stops++;
        }
      }
      expect(stops).toBeGreaterThan(1);
      const folder = new RunFolder(path.join(root, name));
      expect(finalTensors(folder).equals(finalTensors(whole.folder))).toBe(true);
      expect(readFileSync(folder.weights('best')).equals(readFileSync(whole.folder.weights('best')))).toBe(true);
      expect(metricsOf(folder)).toEqual(metricsOf(whole.folder));
    }
  });
});

describe('training', () => {
  it('learns: the loss falls well below its start', async () => {
    for (const method of ['lstm-lm', 'sri'] as const) {
      const base = toyRun(method);
      const losses: number[] = [];
      const report = (event: TrainingEvent) => {
        if (event.kind === 'iteration') losses.push(event.update.loss);
      };
      const model = { ...base.model, wordDropout: 0, outputDropout: 0 };
      const run = { ...base, model, training: { ...base.training, epochs: 25 } };
      await train(options(run, `learns-${method}`, { report }));
      const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
      expect(mean(losses.slice(-20))).toBeLessThan(0.8 * mean(losses.slice(0, 20)));
    }
  });

  /** A method whose model is the real one, kept from learning; `seen` is told its weights before the first update. */
  function idle(
    name: string,
    run: RunConfig,
    seen: (model: Model, initial: Map<string, Float32Array>) => void,
  ): Method {
    const real = methods().find((method) => method.name === name)!;
    return {
      ...real,
      create: () => {
        const model = real.create(run, corpus);
        const initial = weightsOf(model);
        model.learn = () => {
          seen(model, initial);
          return { loss: 1, gradientNorm: 1, quantities: {} };
        };
        return model;
      },
    };
  }

  const weightsOf = (model: Model) =>
    new Map([...model.parameters.store()].map(([name, { data }]) => [name, Float32Array.from(data)] as const));

  it('starts parts from the weights of other runs where it is told to, and says in the manifest which', async () => {
    const other = (name: string) => options({ ...toyRun(name), seed: 8 }, `source-${name}`);
    const [encoderSource, decoderSource] = [other('ae'), other('lstm-lm')];
    await train(encoderSource);
    await train(decoderSource);
    const fileOf = ({ folder }: TrainingOptions) => folder.weights('best');
    const stored = (source: TrainingOptions) => decodeSafetensors(readFileSync(fileOf(source)), fileOf(source)).tensors;
    const startFrom: StartingWeights[] = [
      { part: 'encoder', file: fileOf(encoderSource), run: 'ae' },
      { part: 'decoder', file: fileOf(decoderSource), run: 'lstm-lm' },
    ];
    let fresh: string[] = [];
    const run = toyRun('fb-vae');
    const method = idle('fb-vae', run, (model, initial) => {
      fresh = [];
      for (const [name, data] of weightsOf(model)) {
        const source = name.startsWith('encoder.') ? encoderSource : decoderSource;
        const given = stored(source).get(name);
        expect(data, name).toEqual(given?.data ?? initial.get(name));
        if (given === undefined) fresh.push(name);
      }
    });
    const started = await train(options(run, 'started', { method, startFrom }));
    expect(fresh).toEqual(['decoder.latentKernel', 'decoder.initialKernel', 'decoder.initialBias']);
    const sha256 = (source: TrainingOptions) =>
      createHash('sha256')
        .update(readFileSync(fileOf(source)))
        .digest('hex');
    expect(started.startedFrom).toEqual({
      encoder: { run: 'ae', epoch: 1, sha256: sha256(encoderSource) },
      decoder: { run: 'lstm-lm', epoch: 1, sha256: sha256(decoderSource) },
    });
    // What it began with stays known when it goes on, though nobody says it again.
    const longer = { ...run, training: { ...run.training, epochs: 4 } };
    expect((await train(options(longer, 'started', { method }))).startedFrom).toEqual(started.startedFrom);
  });

  it('refuses to start a part from what has none, is not built alike, or is not there', async () => {
    const source = options(toyRun('lstm-lm'), 'source');
    await train(source);
    let attempts = 0;
    const start = (name: string, weights: Partial<StartingWeights>, changes: Partial<RunConfig> = {}) => {
      const startFrom: StartingWeights[] = [
        { part: 'decoder', file: source.folder.weights('best'), run: 'lstm-lm', ...weights },
      ];
      return expect(train(options(toyRun(name, changes), `attempt-${attempts++}`, { startFrom }))).rejects;
    };
    await start('sri', { part: 'encoder' }).toThrow(/this method has no encoder to start from lstm-lm; make it null/);
    await start('fb-vae', { part: 'encoder' }).toThrow(/lstm-lm has no encoder; name another method/);
    await start('sri', { file: path.join(root, 'none.safetensors') }).toThrow(/no such weights to start from/);
    const wider = { ...toyRun('sri').model, hiddenSize: 9 };
    await start('sri', { run: 'narrow' }, { model: wider }).toThrow(
      /decoder\.wordKernel is \[6,32\], but this configuration's is \[6,36\]/,
    );
    const withCode = options(toyRun('sri'), 'with-code');
    await train(withCode);
    await start('lstm-lm', { file: withCode.folder.weights('best'), run: 'sri' }).toThrow(
      /decoder\.initialBias is no weight of this run's decoder; start from one that is built alike/,
    );
  });

  it('keeps the last weights as the run’s where it is told to, with the verdict on them', async () => {
    const run = toyRun('sri', { training: { ...toyRun('sri').training, select: 'last' } });
    const losses = [1, 3, 2];
    const validator = {
      columns: [],
      validate: (_: Model, epoch: number) => ({
        loss: losses[epoch - 1]!,
        quantities: {},
        verdict: { collapse: 'active', reason: `epoch ${epoch}` } as const,
      }),
    };
    const trained = options(run, 'last', { validator });
    const manifest = await train(trained);
    expect(manifest).toMatchObject({ bestEpoch: 1, selectedEpoch: 3, verdict: { reason: 'epoch 3' } });
    const { folder } = trained;
    const tensors = (file: string) => decodeSafetensors(readFileSync(file), file);
    expect(tensors(folder.weights('last')).metadata.epoch).toBe('3');
    expect(tensors(folder.weights('best')).metadata.epoch).toBe('1');
    const best = await train(options(toyRun('sri'), 'best', { validator }));
    expect(best).toMatchObject({ bestEpoch: 1, selectedEpoch: 1, verdict: { reason: 'epoch 1' } });
  });

  it('goes on from a decay in an epoch that is the best itself', async () => {
    const base = toyRun('lstm-lm');
    const decay = { factor: 0.5, patience: 0, fromEpoch: 1, atMost: 9, restoreBest: true };
    const run = { ...base, training: { ...base.training, epochs: 2, decay } };
    let loss = 3;
    const validate = () => ({ loss: --loss, quantities: {}, verdict: null });
    const manifest = await train(options(run, 'none-patient', { validator: { columns: [], validate } }));
    expect(manifest).toMatchObject({ bestEpoch: 2, finished: { reason: 'all-epochs' } });
  });

  it('takes the best weights back at a decay, and not where the method was in its own course', async () => {
    const base = toyRun('lstm-lm');
    const decay = { factor: 0.5, patience: 1, fromEpoch: 2, atMost: 5, restoreBest: true };
    const run = { ...base, training: { ...base.training, epochs: 4, decay } };
    const real = methods().find(({ name }) => name === 'lstm-lm')!;
    let [updates, course] = [0, 0];
    const starts: number[] = [];
    const weights: number[] = [];
    const method: Method = {
      ...real,
      create: (...given) => {
        const model = real.create(...given);
        const learn = model.learn.bind(model);
        model.learn = (batch, at, learner) => {
          if (at.batch === 0) starts.push(judgeByWeights(model));
          updates++;
          course++;
          return learn(batch, at, learner);
        };
        model.state = () => ({ course });
        model.restoreState = (state) => {
          course = state.course as number;
        };
        return model;
      },
    };
    const validate = (model: Model, epoch: number) => {
      weights.push(judgeByWeights(model));
      return { loss: epoch, quantities: {}, verdict: null };
    };
    await train(options(run, 'course', { method, validator: { columns: [], validate } }));
    expect(starts[2]).toBe(weights[0]);
    expect(weights[1]).not.toBe(weights[0]);
    expect(course).toBe(updates);
  });

  it.each([1, 5, 1000])(
    'tells an epoch’s mean over all of it, with a line every %i updates and after a stop at its end',
    async (logEvery) => {
      const base = toyRun('sri');
      const run = { ...base, training: { ...base.training, logEvery, epochs: 2 } };
      const perEpoch = equalLengthBatches(corpus.splits.train, 8).length;
      const name = `epoch-mean-${logEvery}`;
      const sums = { loss: 0, sentences: 0, words: 0, latentRms: 0 };
      const told: TrainingEvent[] = [];
      for (;;) {
        const stop = new AbortController();
        const report = (event: TrainingEvent) => {
          if (event.kind === 'epoch') told.push(event);
          if (event.kind !== 'iteration' || event.at.epoch !== 2) return;
          const batches = equalLengthBatches(corpus.splits.train, 8, { key: { seed: run.seed, epoch: 2 } });
          const batch = batches.at(event.at.batch);
          sums.loss += event.update.loss * batch.size;
          sums.sentences += batch.size;
          sums.words += batch.size * batch.tokens;
          sums.latentRms += event.update.quantities.latentRms!;
          if (event.at.batch === 2 || event.at.batch === perEpoch - 1) stop.abort();
        };
        try {
          await train(options(run, name, { signal: stop.signal, report }));
          break;
        } catch (error) {
          expect(error, String(error)).toBeInstanceOf(InterruptedError);
        }
      }
      const [, second] = told as (TrainingEvent & { kind: 'epoch' })[];
      expect(second!.metrics.loss).toBeCloseTo(sums.loss / sums.sentences, 9);
      expect(second!.metrics.lossPerWord).toBeCloseTo(sums.loss / sums.words, 9);
      expect(second!.metrics.quantities.latentRms).toBeCloseTo(sums.latentRms / perEpoch, 9);
      for (const line of metricsOf(new RunFolder(path.join(root, name)))) expect(line.split(',')[2]).not.toBe('');
    },
  );

  it('tells a quantity’s mean over the updates that had it', async () => {
    const base = toyRun('sri');
    const run = { ...base, training: { ...base.training, logEvery: 1000, epochs: 1 } };
    const real = methods().find((method) => method.name === 'sri')!;
    let update = 0;
    const method: Method = {
      ...real,
      create: () => {
        const model = real.create(run, corpus);
        model.learn = () => ({ loss: 1, gradientNorm: 1, quantities: update++ % 3 === 0 ? { latentRms: 4 } : {} });
        return model;
      },
    };
    const means: (number | undefined)[] = [];
    for (const stopAfter of [2, Number.POSITIVE_INFINITY]) {
      const stop = new AbortController();
      const report = (event: TrainingEvent) => {
        if (event.kind === 'epoch') means.push(event.metrics.quantities.latentRms);
        if (event.kind === 'iteration' && event.at.batch === stopAfter) stop.abort();
      };
      const going = train(options(run, 'rare-quantity', { method, signal: stop.signal, report }));
      if (stopAfter === 2) await expect(going).rejects.toBeInstanceOf(InterruptedError);
      else await going;
    }
    expect(update).toBeGreaterThan(5);
    expect(means).toEqual([4]);
  });

  it('writes under the columns that a file of metrics has, whoever began it', async () => {
    const run = toyRun('lstm-lm');
    const validator = (columns: string[]) => ({
      columns,
      validate: () => ({ loss: 1, quantities: { old: 7, common: 8, fresh: 9 }, verdict: null }),
    });
    const short = { ...run, training: { ...run.training, epochs: 1 } };
    await train(options(short, 'columns', { validator: validator(['old', 'common']) }));
    const { folder } = options(run, 'columns', {});
    await train(options(run, 'columns', { validator: validator(['fresh', 'common']) }));
    const lines = metricsOf(folder).filter((line, i) => i === 0 || !line.endsWith(','));
    expect(lines[0]).toMatch(/,validationLoss,.*old,common$/);
    expect(lines.slice(1).map((line) => line.split(',').slice(-2))).toEqual([
      ['7', '8'],
      ['', '8'],
      ['', '8'],
    ]);
  });

  it('makes each update with its share of the learning rate, and says which', async () => {
    const base = toyRun('lstm-lm');
    const run = {
      ...base,
      optimizer: { ...base.optimizer, cosineEpochs: 2 },
      training: { ...base.training, epochs: 2, logEvery: 1 },
    };
    const trial = options(run, 'cosine');
    await train(trial);
    const lines = readFileSync(trial.folder.metrics, 'utf8').trim().split('\n');
    const column = lines[0]!.split(',').indexOf('learningRate');
    const rates = lines.slice(1).map((line) => Number(line.split(',')[column]));
    const perEpoch = equalLengthBatches(corpus.splits.train, run.training.batchSize).length;
    const share = (update: number) => (1 + Math.cos((Math.PI * update) / (2 * perEpoch))) / 2;
    // A line after each update, and one at each epoch's end, which tells its last update's rate again.
    const updates = [0, 1].flatMap((epoch) =>
      Array.from({ length: perEpoch + 1 }, (_, i) => epoch * perEpoch + Math.min(i, perEpoch - 1)),
    );
    expect(rates).toHaveLength(updates.length);
    rates.forEach((rate, i) => {
      expect(rate).toBeCloseTo(base.optimizer.learningRate * share(updates[i]!), 6);
    });
  });

  it('keeps two checkpoints, and goes on from the one before when the last is damaged', async () => {
    const run = toyRun('lstm-lm');
    const whole = options(run, 'damaged');
    await train(whole);
    const wanted = finalTensors(whole.folder);
    const files = readdirSync(whole.folder.checkpoints).sort();
    expect(files).toHaveLength(4);
    const last = path.join(whole.folder.checkpoints, files.filter((file) => file.endsWith('.safetensors')).at(-1)!);
    writeFileSync(last, readFileSync(last).subarray(0, 500));
    await train(options(run, 'damaged'));
    expect(finalTensors(whole.folder).equals(wanted)).toBe(true);
  });

  it('stops before a loss that is not finite reaches the weights, and says where', async () => {
    const run = toyRun('lstm-lm');
    const diverging = { ...run, optimizer: { ...run.optimizer, learningRate: 3e38, clipNorm: null } };
    const trial = options(diverging, 'diverging');
    await expect(train(trial)).rejects.toThrow(/diverged at epoch 1, batch \d+ \(update \d+; .*gradient's norm/);
    for (const file of readdirSync(trial.folder.checkpoints)) {
      if (file.endsWith('.json'))
        expect(JSON.parse(readFileSync(path.join(trial.folder.checkpoints, file), 'utf8')).finished).toBeNull();
    }
    expect(() => trial.folder.lock().release()).not.toThrow();
  });

  it('goes on when given more epochs, and returns at once when given no more', async () => {
    const run = toyRun('lstm-lm');
    const first = await train(options(run, 'longer'));
    expect(await train(options(run, 'longer'))).toEqual(first);
    const more = { ...run, training: { ...run.training, epochs: 5 } };
    expect((await train(options(more, 'longer'))).epochs).toBe(5);
    const straight = options(more, 'straight');
    await train(straight);
    expect(finalTensors(new RunFolder(path.join(root, 'longer'))).equals(finalTensors(straight.folder))).toBe(true);
  });

  it('does not go on with another corpus, from the first checkpoint on', async () => {
    const run = toyRun('lstm-lm');
    const stop = new AbortController();
    const begun = options(run, 'swapped', {
      signal: stop.signal,
      report: ({ kind }) => kind === 'iteration' && stop.abort(),
    });
    await expect(train(begun)).rejects.toThrow(InterruptedError);
    expect(begun.folder.manifest()).toBeNull();
    const other = { ...corpus, hash: 'another' };
    await expect(train(options(run, 'swapped', { corpus: other }))).rejects.toThrow(
      /is not the corpus that \S+swapped has learned from so far/,
    );
    expect((await train(options(run, 'swapped'))).finished).toMatchObject({ reason: 'all-epochs' });
  });

  it('goes on beside files that somebody else was at', async () => {
    const run = toyRun('lstm-lm');
    const { folder } = options(run, 'spoilt');
    await train(options(run, 'spoilt'));
    const lines = metricsOf(folder);
    const more = { ...run, training: { ...run.training, epochs: run.training.epochs + 1 } };
    // Cut in the middle of its third line.
    const text = readFileSync(folder.metrics, 'utf8');
    writeFileSync(folder.metrics, `${text.split('\n').slice(0, 2).join('\n')}\n1,2`);
    const abandoned = ['.metrics.csv.00000000-4194305-0123456789ab.tmp', '.best.safetensors.x.tmp'];
    for (const name of abandoned) writeFileSync(path.join(folder.directory, name), '');
    utimesSync(path.join(folder.directory, abandoned[0]!), 0, 0);
    const said: string[] = [];
    await train(options(more, 'spoilt', { report: (event) => event.kind === 'warning' && said.push(event.text) }));
    expect(said).toEqual([expect.stringMatching(/metrics\.csv has \d+ bytes where \d+ were written/)]);
    expect(readdirSync(folder.directory).filter((name) => abandoned.includes(name))).toEqual([abandoned[1]]);
    const after = metricsOf(folder);
    expect(after.slice(0, 2)).toEqual(lines.slice(0, 2));
    expect(after.length).toBeGreaterThan(2);
    expect(after.join('')).not.toContain('\0');
    for (const line of after) expect(line.split(',')).toHaveLength(lines[0]!.split(',').length);

    rmSync(folder.metrics);
    const most = { ...run, training: { ...run.training, epochs: run.training.epochs + 2 } };
    await train(options(most, 'spoilt'));
    expect(metricsOf(folder)[0]).toBe(lines[0]);

    const manifest = path.join(folder.directory, 'manifest.json');
    for (const nothing of ['{}', 'null', '[]']) {
      writeFileSync(manifest, nothing);
      await expect(train(options(most, 'spoilt'))).rejects.toThrow(
        /manifest\.json: format is missing; this version of sri reads a manifest/,
      );
    }
    rmSync(manifest);
    expect((await train(options(most, 'spoilt'))).epochs).toBe(most.training.epochs);

    for (const file of readdirSync(folder.checkpoints).filter((name) => name.endsWith('.json'))) {
      writeFileSync(path.join(folder.checkpoints, file), 'null');
    }
    await expect(train(options(most, 'spoilt'))).rejects.toThrow(
      /no checkpoint can be read .*reads a training state of format 1/,
    );
  });

  it('refuses a folder that holds another run, naming what differs', async () => {
    const run = toyRun('lstm-lm');
    await train(options(run, 'taken'));
    const other = { ...run, model: { ...run.model, hiddenSize: 9 } };
    await expect(train(options(other, 'taken'))).rejects.toThrow(/model\.hiddenSize: 8 there, 9 now/);
  });

  it('refuses a folder that a living process trains', async () => {
    const folder = new RunFolder(path.join(root, 'held'));
    const lock = folder.lock();
    await expect(train(options(toyRun('lstm-lm'), 'held'))).rejects.toThrow(/is being trained by process/);
    lock.release();
  });

  it('does not begin again over what was trained, unless told to', async () => {
    const run = toyRun('lstm-lm');
    const more = { ...run, training: { ...run.training, epochs: run.training.epochs + 1 } };
    const { folder } = options(run, 'bereft');
    const manifest = await train(options(run, 'bereft'));
    const best = readFileSync(folder.weights('best'));
    rmSync(folder.checkpoints, { recursive: true });
    expect(await train(options(run, 'bereft'))).toEqual(manifest);
    await expect(train(options(more, 'bereft'))).rejects.toThrow(/all checkpoints have gone; .* --restart/);
    expect(readFileSync(folder.weights('best')).equals(best)).toBe(true);
    rmSync(folder.weights('best'));
    await expect(train(options(run, 'bereft'))).rejects.toThrow(/best\.safetensors and all checkpoints have gone/);
    const again = await train(options(run, 'bereft', { restart: true }));
    expect(again.weights).toEqual(manifest.weights);
    expect(readFileSync(folder.weights('best')).equals(best)).toBe(true);
  });

  it('begins anew by another configuration, and replaces no other run and no other file', async () => {
    const run = toyRun('lstm-lm');
    const { folder } = options(run, 'renewed');
    await train(options(run, 'renewed'));
    const mine = path.join(folder.directory, 'codes.safetensors');
    writeFileSync(mine, 'codes');
    const held = () => readdirSync(folder.directory).sort();
    const before = held();
    await expect(train(options(toyRun('sri'), 'renewed', { restart: true }))).rejects.toThrow(
      /holds lstm-lm on .*, seed \d+, and --restart would replace it by sri on/,
    );
    expect(held()).toEqual(before);
    const wider = { ...run, model: { ...run.model, hiddenSize: 9 } };
    await train(options(wider, 'renewed', { restart: true }));
    expect(folder.config().model.hiddenSize).toBe(9);
    expect(held()).toEqual(before);
    expect(readFileSync(mine, 'utf8')).toBe('codes');
  });

  it('stops within a validation, and makes it again when it goes on', async () => {
    const run = toyRun('lstm-lm');
    const whole = options(run, 'unstopped');
    await train(whole);
    const stop = new AbortController();
    const validator: TrainingOptions['validator'] = {
      columns: [],
      validate: (model, epoch, signal) => {
        if (epoch === 2) stop.abort();
        if (signal?.aborted) throw new InterruptedError('stopped before all was measured');
        return whole.validator.validate(model, epoch);
      },
    };
    const stopped = options(run, 'in-validation', { validator, signal: stop.signal });
    await expect(train(stopped)).rejects.toThrow(/^stopped in epoch 2 after \d+ updates$/);
    const updates: number[] = [];
    const report = (event: TrainingEvent) => {
      if (event.kind === 'iteration') updates.push(event.at.epoch);
    };
    await train(options(run, 'in-validation', { report }));
    // The epoch's updates were saved.
    expect(updates[0]).toBe(3);
    expect(finalTensors(stopped.folder).equals(finalTensors(whole.folder))).toBe(true);
    expect(metricsOf(stopped.folder)).toEqual(metricsOf(whole.folder));
  });

  it('begins no epoch after a stop at the end of one', async () => {
    const run = toyRun('lstm-lm');
    const stop = new AbortController();
    const seen: string[] = [];
    const report = (event: TrainingEvent) => {
      seen.push(event.kind);
      if (event.kind === 'epoch') stop.abort();
    };
    await expect(train(options(run, 'between', { signal: stop.signal, report }))).rejects.toThrow(/stopped in epoch 2/);
    expect(seen.at(-1)).toBe('checkpoint');
  });

  it('has the best weights of its checkpoint, wherever it dies', async () => {
    const run = toyRun('lstm-lm');
    const whole = options(run, 'undying');
    await train(whole);
    const { folder } = options(run, 'dying');
    const dyingAt = (at: number) => (event: TrainingEvent) => {
      // Told once the weights of an improved epoch are written, and before its checkpoint is.
      if (event.kind === 'epoch' && event.metrics.epoch === at) throw new Error('died');
    };
    // Every epoch is the best so far.
    let loss = 10;
    const validator = { columns: [], validate: () => ({ loss: loss--, quantities: {}, verdict: null }) };
    await expect(train(options(run, 'dying', { validator, report: dyingAt(1) }))).rejects.toThrow('died');
    expect(existsSync(folder.weights('best'))).toBe(false);
    await expect(train(options(run, 'dying', { validator, report: dyingAt(2) }))).rejects.toThrow('died');
    expect(existsSync(folder.nextWeights('best'))).toBe(true);
    const sumOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
    const known = () => loadCheckpoint(folder.checkpoints)!.state.weights;
    expect(known()).toEqual({ best: sumOf(folder.weights('best')) });
    expect(folder.manifest()!.weights).toEqual(known());

    // Of one that died between its checkpoint and the new name.
    const manifest = await train(options(run, 'dying', { validator }));
    renameSync(folder.weights('best'), folder.nextWeights('best'));
    writeFileSync(folder.weights('best'), 'the weights of before');
    folder.settleWeights(known());
    expect(manifest.weights).toEqual({ best: sumOf(folder.weights('best')) });
    expect(existsSync(folder.nextWeights('best'))).toBe(false);
    expect(finalTensors(folder).equals(finalTensors(whole.folder))).toBe(true);
  });

  it('has a manifest that knows its weights, once it goes on', async () => {
    const run = toyRun('lstm-lm');
    const { folder } = options(run, 'unknown');
    let loss = 10;
    const validator = { columns: [], validate: () => ({ loss: loss--, quantities: {}, verdict: null }) };
    const stop = new AbortController();
    const stopping = (event: TrainingEvent) => event.kind === 'iteration' && event.at.epoch === 2 && stop.abort();
    const stopped = options(run, 'unknown', { validator, signal: stop.signal, report: stopping });
    await expect(train(stopped)).rejects.toThrow(/stopped in epoch 2/);
    // As a process leaves it that died before it wrote the manifest of its first epoch.
    const known = folder.manifest();
    rmSync(path.join(folder.directory, 'manifest.json'));
    await expect(train(stopped)).rejects.toThrow(/stopped in epoch 2/);
    expect(folder.manifest()).toMatchObject({ weights: known!.weights, epochs: 1 });
  });

  const validatorOf = (losses: readonly number[]) => ({
    columns: [],
    validate: (_: Model, epoch: number) => ({ loss: losses[epoch - 1]!, quantities: {}, verdict: null }),
  });

  it.each([
    ['all-epochs', {}, 3],
    ['early-stop', { earlyStop: { patience: 1 } }, 2],
    ['decays', { decay: { factor: 0.5, patience: 1, fromEpoch: 1, atMost: 1, restoreBest: false } }, 2],
  ] as const)(
    'says once that it ended by %s, with its last word, and is over from then on',
    async (reason, keys, epochs) => {
      const base = toyRun('lstm-lm');
      const run = { ...base, training: { ...base.training, ...keys } };
      const events: TrainingEvent[] = [];
      const validator = validatorOf([1, 2, 3]);
      const ending = options(run, `ends-${reason}`, { validator, report: (event) => events.push(event) });
      const manifest = await train(ending);
      expect(manifest).toMatchObject({ epochs, finished: { reason } });
      expect(events.filter(({ kind }) => kind === 'end')).toEqual([
        { kind: 'end', ending: manifest.finished, manifest },
      ]);
      expect(events.at(-1)!.kind).toBe('end');
      expect(ending.folder.manifest()).toEqual(manifest);
      await train({ ...ending, run: { ...run, threads: 2 } });
      expect(ending.folder.config().threads).toBe('auto');
      for (const without of [null, ending.folder.checkpoints]) {
        if (without !== null) rmSync(without, { recursive: true });
        events.length = 0;
        expect(await train(ending)).toEqual(manifest);
        expect(events).toEqual([
          expect.objectContaining({ kind: 'start', resumed: true, over: true, epoch: epochs + 1 }),
        ]);
      }
    },
  );

  it('has ended where it dies once its last checkpoint is written', async () => {
    const base = toyRun('lstm-lm');
    const run = { ...base, training: { ...base.training, earlyStop: { patience: 1 } } };
    const validator = validatorOf([1, 2, 3]);
    let ended = false;
    const dying = (event: TrainingEvent) => {
      if (event.kind === 'epoch') ended = event.metrics.epoch === 2;
      if (event.kind === 'checkpoint' && ended) throw new Error('died');
    };
    await expect(train(options(run, 'last-words', { validator, report: dying }))).rejects.toThrow('died');
    const { folder } = options(run, 'last-words');
    expect(folder.manifest()).toMatchObject({ epochs: 1, finished: null });
    const kinds: string[] = [];
    const manifest = await train(options(run, 'last-words', { validator, report: ({ kind }) => kinds.push(kind) }));
    expect(kinds).toEqual(['start']);
    expect(manifest).toMatchObject({ epochs: 2, finished: { reason: 'early-stop' } });
    expect(folder.manifest()).toEqual(manifest);
  });

  it('ends at once where a run that was stopped is given no more epochs than it has done', async () => {
    const run = toyRun('lstm-lm');
    const stop = new AbortController();
    const report = (event: TrainingEvent) => event.kind === 'iteration' && event.at.epoch === 3 && stop.abort();
    await expect(train(options(run, 'fewer', { signal: stop.signal, report }))).rejects.toThrow(/stopped in epoch 3/);
    const kinds: string[] = [];
    const fewer = { ...run, training: { ...run.training, epochs: 1 } };
    const first = options(run, 'fewer').provenance;
    const provenance = { ...first, backend: 'wasm' };
    const manifest = await train(options(fewer, 'fewer', { report: ({ kind }) => kinds.push(kind), provenance }));
    expect(kinds).toEqual(['start', 'checkpoint', 'end']);
    expect(manifest).toMatchObject({ epochs: 2, finished: { reason: 'all-epochs', epochs: 2 }, backends: ['cpu'] });
  });

  it('is done, not stopped, where it is asked to stop as its last epoch ends', async () => {
    const run = toyRun('lstm-lm');
    const stop = new AbortController();
    const report = (event: TrainingEvent) => event.kind === 'epoch' && event.metrics.epoch === 3 && stop.abort();
    expect((await train(options(run, 'done', { signal: stop.signal, report }))).finished).not.toBeNull();
  });

  it('saves as often as it is told to, and as each epoch ends', async () => {
    const saves = async (checkpointEvery: number) => {
      const run = toyRun('lstm-lm', { training: { ...toyRun('lstm-lm').training, checkpointEvery } });
      const at: number[] = [];
      const report = (event: TrainingEvent) => event.kind === 'checkpoint' && at.push(event.iteration);
      await train(options(run, `every-${checkpointEvery}`, { report }));
      return at;
    };
    const perEpoch = equalLengthBatches(corpus.splits.train, 8).length;
    expect(await saves(1e9)).toEqual([1, 2, 3].map((epoch) => epoch * perEpoch));
    const each = Array.from({ length: 3 * perEpoch }, (_, i) => i + 1);
    expect(await saves(1e-9)).toEqual(each.flatMap((i) => (i % perEpoch === 0 ? [i, i] : [i])));
  });

  it('tells the time left by a clock: of the updates, and of the validations to come', async () => {
    let clock = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => clock);
    try {
      const base = toyRun('lstm-lm');
      const run = { ...base, training: { ...base.training, epochs: 6, logEvery: 4, checkpointEvery: 5 } };
      const perEpoch = equalLengthBatches(corpus.splits.train, 8).length;
      const real = methods().find(({ name }) => name === 'lstm-lm')!;
      const method: Method = {
        ...real,
        create: () => {
          const model = real.create(run, corpus);
          model.flops = () => 500;
          model.learn = (_, { iteration }) => {
            clock += 1000;
            return { loss: 1, gradientNorm: iteration, quantities: {} };
          };
          return model;
        },
      };
      const validate = () => {
        clock += 60_000;
        return { loss: 1, quantities: {}, verdict: null };
      };
      const left: (number | null)[] = [];
      const lines: TrainingEvent[] = [];
      const saves: number[] = [];
      const report = (event: TrainingEvent) => {
        if (event.kind === 'epoch') left.push(event.secondsLeft);
        if (event.kind === 'interval' && lines.length < 2) lines.push(event);
        if (event.kind === 'checkpoint') saves.push(event.iteration);
      };
      const timed = options(run, 'timed', { method, validator: { columns: [], validate }, peakFlops: 1000, report });
      await train(timed);
      // The pace is known after twenty updates.
      const known = left.map((_, i) => (i + 1) * perEpoch >= 20);
      expect(known).toContain(true);
      left.forEach((seconds, i) => {
        const rest = 5 - i;
        const wanted = rest === 0 || !known[i] ? null : rest * (perEpoch + 60);
        if (wanted === null) expect(seconds).toBeNull();
        else expect(seconds).toBeCloseTo(wanted, 6);
      });
      // Of updates 0 to 3, and of those after them: each is half of the peak, and its norm its number.
      expect(lines.map((line) => (line as TrainingEvent & { kind: 'interval' }).metrics)).toMatchObject([
        { gradientNorm: 1.5, shareOfPeak: 0.5, sentencesPerSecond: expect.any(Number) },
        { shareOfPeak: 0.5 },
      ]);
      // Every five seconds, from the last one on; an epoch's end is one, after a validation of a minute.
      const perEpochSaves = Math.floor(perEpoch / 5) + 1;
      expect(saves).toHaveLength(6 * perEpochSaves);
    } finally {
      now.mockRestore();
    }
  });

  it('begins an epoch’s first interval with the epoch', async () => {
    const run = toyRun('lstm-lm', { training: { ...toyRun('lstm-lm').training, epochs: 2, logEvery: 3 } });
    const perEpoch = equalLengthBatches(corpus.splits.train, 8).length;
    expect(perEpoch % 3).not.toBe(0);
    const batches = equalLengthBatches(corpus.splits.train, 8, { key: { seed: run.seed, epoch: 2 } });
    const sums = { loss: 0, sentences: 0 };
    let line: number | null = null;
    const report = (event: TrainingEvent) => {
      if (event.kind === 'iteration' && event.at.epoch === 2 && line === null) {
        const { size } = batches.at(event.at.batch);
        sums.loss += event.update.loss * size;
        sums.sentences += size;
      }
      if (event.kind === 'interval' && event.metrics.epoch === 2) line ??= event.metrics.loss;
    };
    await train(options(run, 'own-interval', { report }));
    expect(line).toBeCloseTo(sums.loss / sums.sentences, 9);
  });

  it('goes on with the rate that a decay left, its time, and the backend it began with', async () => {
    const base = toyRun('lstm-lm');
    const decay = { factor: 0.5, patience: 1, fromEpoch: 1, atMost: 9, restoreBest: false };
    const run = { ...base, training: { ...base.training, decay } };
    const rates: number[] = [];
    const stop = new AbortController();
    const report = (event: TrainingEvent) => {
      if (event.kind === 'interval') rates.push(event.metrics.learningRate);
      if (event.kind === 'epoch' && event.metrics.epoch === 2) stop.abort();
    };
    const validator = validatorOf([1, 2, 3]);
    await expect(train(options(run, 'decayed', { validator, report, signal: stop.signal }))).rejects.toThrow(/stopped/);
    const { state } = loadCheckpoint(options(run, 'decayed').folder.checkpoints)!;
    rates.length = 0;
    const manifest = await train(options(run, 'decayed', { validator, report }));
    expect(new Set(rates)).toEqual(new Set([base.optimizer.learningRate / 2]));
    expect(manifest.trainingSeconds).toBeGreaterThan(state.trainingSeconds);
    expect(manifest.backends).toEqual(['cpu']);
  });

  it('writes nothing once another has its lock', async () => {
    const run = toyRun('lstm-lm');
    const { folder } = options(run, 'robbed');
    const lockFile = path.join(folder.directory, 'training.lock');
    let before: string[] = [];
    const everything = () => [readFileSync(folder.metrics, 'utf8'), ...readdirSync(folder.directory).sort()];
    const report = (event: TrainingEvent) => {
      if (event.kind !== 'iteration' || event.at.iteration !== 1) return;
      before = everything();
      const { token: _, ...holder } = JSON.parse(readFileSync(lockFile, 'utf8'));
      writeFileSync(lockFile, JSON.stringify({ ...holder, token: 'another' }));
    };
    // The next line would be written with the third update, and no checkpoint before.
    const rare = { ...run, training: { ...run.training, checkpointEvery: 1e9 } };
    await expect(train(options(rare, 'robbed', { report }))).rejects.toThrow(/held by process/);
    expect(everything()).toEqual(before);
    rmSync(lockFile);
  });

  it('has lost lines of metrics once, however it dies after', async () => {
    const run = toyRun('lstm-lm', { training: { ...toyRun('lstm-lm').training, checkpointEvery: 1e9 } });
    const { folder } = options(run, 'losing');
    const stopAt = (update: number) => {
      const stop = new AbortController();
      const report = (event: TrainingEvent) =>
        event.kind === 'iteration' && event.at.iteration === update && stop.abort();
      return { signal: stop.signal, report };
    };
    const perEpoch = equalLengthBatches(corpus.splits.train, 8).length;
    await expect(train(options(run, 'losing', stopAt(perEpoch)))).rejects.toThrow(/stopped/);
    const lines = readFileSync(folder.metrics, 'utf8').split('\n');
    writeFileSync(folder.metrics, `${lines.slice(0, 2).join('\n')}\n`);
    const said: string[] = [];
    const dying = (event: TrainingEvent) => {
      if (event.kind === 'warning') said.push(event.text);
      if (event.kind === 'iteration' && event.at.iteration === 2 * perEpoch - 1) throw new Error('died');
    };
    for (let i = 0; i < 2; i++) {
      await expect(train(options(run, 'losing', { report: dying }))).rejects.toThrow('died');
    }
    expect(said).toHaveLength(1);
    await train(options(run, 'losing'));
    const columns = lines[0]!.split(',').length;
    const after = readFileSync(folder.metrics, 'utf8').trim().split('\n');
    for (const line of after) expect(line.split(',')).toHaveLength(columns);
    const iterations = after.slice(1).map((line) => Number(line.split(',')[1]));
    expect(iterations).toEqual(iterations.toSorted((a, b) => a - b));
  });

  it('takes another configuration where nothing was learned yet, of the same run alone', async () => {
    const run = toyRun('sri');
    const none: StartingWeights[] = [{ part: 'encoder', file: path.join(root, 'none'), run: 'ae' }];
    const wider = { ...run, model: { ...run.model, hiddenSize: 9 } };
    await expect(train(options(wider, 'unlearned', { startFrom: none }))).rejects.toThrow(/no such weights/);
    await expect(train(options({ ...run, seed: 4 }, 'unlearned'))).rejects.toThrow(/seed: 3 there, 4 now/);
    await train(options(run, 'unlearned'));
    expect(options(run, 'unlearned').folder.config().model.hiddenSize).toBe(8);
    await expect(train(options(wider, 'unlearned'))).rejects.toThrow(/hiddenSize: 8 there, 9 now/);
    // Weights under another name are another configuration's, and not gone.
    const last = { ...run, training: { ...run.training, select: 'last' as const } };
    await expect(train(options(last, 'unlearned'))).rejects.toThrow(/training\.select: "best" there, "last" now/);
  });

  it('removes weights of an epoch that, trained again, is no better', async () => {
    const run = toyRun('lstm-lm');
    const { folder } = options(run, 'no-better');
    const dying = (event: TrainingEvent) => {
      if (event.kind === 'epoch' && event.metrics.epoch === 2) throw new Error('died');
    };
    const better = options(run, 'no-better', { validator: validatorOf([2, 1, 3]), report: dying });
    await expect(train(better)).rejects.toThrow('died');
    expect(existsSync(folder.nextWeights('best'))).toBe(true);
    const manifest = await train(options(run, 'no-better', { validator: validatorOf([2, 3, 4]) }));
    expect(manifest.bestEpoch).toBe(1);
    expect(existsSync(folder.nextWeights('best'))).toBe(false);
  });

  it('falls back to the older checkpoint where the newest is not whole, and says so', async () => {
    const run = toyRun('lstm-lm');
    const { folder } = options(run, 'fallen');
    await train(options(run, 'fallen'));
    const newest = readdirSync(folder.checkpoints).sort().at(-1)!;
    writeFileSync(path.join(folder.checkpoints, newest), 'abc');
    const more = { ...run, training: { ...run.training, epochs: run.training.epochs + 1 } };
    const said: string[] = [];
    await train(options(more, 'fallen', { report: (event) => event.kind === 'warning' && said.push(event.text) }));
    expect(said[0]).toMatch(
      /a checkpoint is not whole, so training goes on from an older one: \d{9}-\d{6}: .*safetensors/,
    );
    for (const name of readdirSync(folder.checkpoints)) expect(name).not.toContain(newest);
  });

  it('names every backend that trained a run', async () => {
    const run = toyRun('lstm-lm');
    const first = options(run, 'moved');
    expect((await train(first)).backends).toEqual(['cpu']);
    const more = { ...run, training: { ...run.training, epochs: run.training.epochs + 1 } };
    const moved = options(more, 'moved', { provenance: { ...first.provenance, backend: 'wasm' } });
    expect((await train(moved)).backends).toEqual(['cpu', 'wasm']);
  });

  it('keeps the weights of the epochs asked for', async () => {
    const run = toyRun('sri');
    const kept = options({ ...run, training: { ...run.training, keepEpochs: [1, 3] } }, 'kept');
    await train(kept);
    const files = readdirSync(kept.folder.directory).filter((file) => file.startsWith('epoch-'));
    expect(files.sort()).toEqual(['epoch-1.safetensors', 'epoch-3.safetensors']);
  });
});

describe('batches seen by a method', () => {
  it('cover the training split once an epoch', () => {
    const batches = equalLengthBatches(corpus.splits.train, 8, { key: { seed: 3, epoch: 1 } });
    const seen = [...batches].flatMap(({ indices }) => [...indices]).sort((a, b) => a - b);
    expect(seen).toEqual(Array.from({ length: corpus.splits.train.length }, (_, i) => i));
  });
});
