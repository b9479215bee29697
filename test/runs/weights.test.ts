import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { InputError } from '../../src/errors.js';
import type { Model } from '../../src/methods/method.js';
import { methodNamed } from '../../src/methods/registry.js';
import { loadWeights, saveWeights, startPart } from '../../src/runs/weights.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/storage/safetensors.js';
import { toyCorpus, toyRun } from '../training/toy.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-weights-'));
const file = path.join(root, 'best.safetensors');
const create = (seed: number): Model => methodNamed('lstm-lm').create(toyRun('lstm-lm', { seed }), toyCorpus());
let model: Model;
let sum: string;

beforeAll(async () => {
  await useBackend('cpu', 1);
  model = create(3);
  sum = await saveWeights(file, model, 7);
});
afterAll(() => {
  model.dispose();
  rmSync(root, { recursive: true });
});

describe('kept weights', () => {
  it('are known by the sum of their file, which any tool can take', () => {
    expect(sum).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'));
    expect(loadWeights(file, model, sum)).toEqual({ epoch: 7, sha256: sum });
    expect(loadWeights(file, model)).toEqual({ epoch: 7, sha256: sum });
  });

  it("are refused, by the file's name, where they are not what the manifest knows or what weights can be", async () => {
    const other = create(4);
    const kept = readFileSync(file);
    const changed = (change: (data: Float32Array) => void): Uint8Array[] => {
      const { tensors, metadata } = decodeSafetensors(kept, file);
      change([...tensors.values()][0]!.data as Float32Array);
      return encodeSafetensors(tensors, metadata);
    };
    const wholeNumbers = () => {
      const { tensors, metadata } = decodeSafetensors(kept, file);
      const [name, { shape, data }] = [...tensors][0]!;
      return encodeSafetensors(tensors.set(name, { shape, data: new Int32Array(data.length) }), metadata);
    };
    const flipped = Uint8Array.from(kept);
    flipped[flipped.length - 3]! ^= 1;
    const nameless = encodeSafetensors(decodeSafetensors(kept, file).tensors, { epoch: '7' });
    await saveWeights(path.join(root, 'other.safetensors'), other, 7);
    const cases: [what: string, bytes: Uint8Array | Uint8Array[], complaint: RegExp][] = [
      ["another run's", readFileSync(path.join(root, 'other.safetensors')), /not the weights that manifest\.json/],
      ['a flipped bit', flipped, /not the weights that manifest\.json/],
      ['infinity', changed((data) => data.fill(Number.POSITIVE_INFINITY, 2, 3)), /holds Infinity at place 2/],
      ['NaN', changed((data) => data.fill(Number.NaN, 0, 1)), /holds NaN at place 0/],
      ['another dtype', wholeNumbers(), /holds whole numbers; weights are F32/],
      ['no state', nameless, /metadata's state/],
    ];
    for (const [what, bytes, complaint] of cases) {
      const spoilt = path.join(root, 'spoilt.safetensors');
      writeFileSync(spoilt, Buffer.concat([bytes].flat()));
      const load = () => loadWeights(spoilt, model, sum);
      expect(load, what).toThrow(complaint);
      expect(load, what).toThrow(`${spoilt}: `);
      expect(load, what).toThrow(InputError);
    }
    other.dispose();
  });
});

describe('a decoder with a road from z to the words', () => {
  const weightsOf = (of: Model) =>
    new Map([...of.parameters.store()].map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]));

  it('begins as LSTM-LM, which it is but for that road and what it hears of z elsewhere', () => {
    const skip = methodNamed('skip-vae').create(toyRun('skip-vae'), toyCorpus());
    const [before, ofLm] = [weightsOf(skip), weightsOf(model)];
    startPart({ part: 'decoder', file, run: 'lstm-lm' }, skip);
    const kept: string[] = [];
    for (const [name, data] of weightsOf(skip)) {
      const given = ofLm.get(name.replace('decoder.skip.', 'decoder.'));
      if (given === undefined) kept.push(name.split('.').at(-1)!);
      expect(data, name).toEqual(given ?? before.get(name));
    }
    expect(kept.filter((name) => /[lL]atent|initial|skip/.test(name)).toSorted()).toEqual([
      'initialBias',
      'initialKernel',
      'latentKernel',
      'skipKernel',
    ]);
    skip.dispose();
  });

  it('begins as no other kind of decoder', async () => {
    const run = toyRun('lstm-lm');
    const gru = methodNamed('lstm-lm').create({ ...run, model: { ...run.model, decoder: 'gru' } }, toyCorpus());
    const ofGru = path.join(root, 'gru.safetensors');
    await saveWeights(ofGru, gru, 1);
    gru.dispose();
    const skip = methodNamed('skip-vae').create(toyRun('skip-vae'), toyCorpus());
    expect(() => startPart({ part: 'decoder', file: ofGru, run: 'gru' }, skip)).toThrow(
      /decoder\.\S+ is no weight of this run's decoder/,
    );
    skip.dispose();
  });
});
