// Not one bit of a checkpoint may be another and go unnoticed.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasCheckpoint, loadCheckpoint, saveCheckpoint, type TrainingState } from '../../src/runs/checkpoint.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-checkpoint-'));
const whole = path.join(root, 'whole');
const spoilt = path.join(root, 'spoilt');
afterAll(() => rmSync(root, { recursive: true }));

const sums = { iterations: 1, sentences: 2, words: 9, loss: Number.NaN, gradientNorm: 1, seconds: 1, flops: 1 };
const state = (iteration: number): TrainingState => ({
  epoch: 1,
  batch: iteration,
  iteration,
  learningRate: 0.5,
  validation: { best: Number.POSITIVE_INFINITY, bestEpoch: 1, reference: 4.5, epochsWithoutGain: 0, decays: 0 },
  verdict: null,
  finished: null,
  method: { searched: { sum: '0'.repeat(64) } },
  interval: { ...sums, quantities: { kl: 1 } },
  epochSums: { ...sums, quantities: {} },
  metricsBytes: 100,
  trainingSeconds: 2,
  startedFrom: {},
  weights: { best: 'cafe' },
  backends: ['cpu'],
  dataHash: 'f00d',
});
const tensors = (value: number) => new Map([['w', { shape: [3], data: Float32Array.of(value, 2, 3) }]]);

beforeAll(async () => {
  for (const iteration of [3, 4]) await saveCheckpoint(whole, state(iteration), tensors(iteration));
});

it('comes back as it was saved', () => {
  const loaded = loadCheckpoint(whole)!;
  expect(loaded.state).toEqual(state(4));
  expect(loaded.tensors.get('w')!.data).toEqual(Float32Array.of(4, 2, 3));
  expect(loaded.passedOver).toEqual([]);
});

it('is passed over for the older one where any bit of it is another', () => {
  const newest = readdirSync(whole).filter((name) => name.startsWith('000000004'));
  expect(newest).toHaveLength(2);
  for (const name of newest) {
    const bytes = readFileSync(path.join(whole, name));
    cpSync(whole, spoilt, { recursive: true });
    bytes.forEach((_, at) => {
      const other = Buffer.from(bytes);
      other[at]! ^= 1 << (at % 8);
      writeFileSync(path.join(spoilt, name), other);
      const { state, passedOver } = loadCheckpoint(spoilt)!;
      expect([state.iteration, passedOver.length], `bit ${at % 8} of byte ${at} of ${name}`).toEqual([3, 1]);
    });
    rmSync(spoilt, { recursive: true });
  }
});

it('that is newer, and so was not whole when training went on, is removed, and the one before stays', async () => {
  const going = path.join(root, 'going');
  for (const iteration of [3, 20, 10]) await saveCheckpoint(going, state(iteration), tensors(iteration));
  const kept = readdirSync(going).filter((name) => name.endsWith('.json'));
  expect(kept.sort()).toEqual(['000000003-000001.json', '000000010-000001.json']);
});

it('is not passed over where the machine, and not the file, is at fault', () => {
  const busy = path.join(root, 'busy');
  cpSync(whole, busy, { recursive: true });
  const newest = path.join(busy, '000000004-000001.json');
  rmSync(newest);
  mkdirSync(newest);
  expect(() => loadCheckpoint(busy)).toThrow(/EISDIR/);
});

it('of a time before there were sums is taken as it is', () => {
  cpSync(whole, spoilt, { recursive: true });
  for (const name of readdirSync(spoilt).filter((one) => one.endsWith('.json'))) {
    const { tensors: _, sum: __, ...old } = JSON.parse(readFileSync(path.join(spoilt, name), 'utf8'));
    writeFileSync(path.join(spoilt, name), JSON.stringify(old));
  }
  expect(hasCheckpoint(spoilt)).toBe(true);
  expect(loadCheckpoint(spoilt)!.state).toEqual(state(4));
});
