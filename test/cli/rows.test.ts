// A measured row on a terminal and in a pipe.

import { expect, it } from 'vitest';
import { describeRow } from '../../src/cli/rows.js';
import type { MeasuredRow } from '../../src/runs/row.js';

const row: MeasuredRow = {
  metric: 'kl',
  estimator: 'jacobian',
  value: 23.8712,
  standardError: 0.4321,
  split: 'test',
  sentences: 15,
  draws: 2,
  notPositiveDefinite: 0,
  epoch: 14,
  seed: 0,
  seconds: 1,
  warnings: ['25 % of the chains have a step whose Jacobian is not positive definite: the number is no bound'],
  backend: 'native',
  threads: 1,
  commit: null,
  weights: 'cafe',
  dataHash: 'f00d',
  settings: {},
};

it('is a line each for the row and its warnings in a pipe', () => {
  expect(describeRow(row, 'nats', { columns: 40 })).toEqual([
    'kl    23.87 ± 0.43 nats      by jacobian; 15 sentences of test, 2 draws each, 0 % of chains with a step not positive definite, epoch 14, 1 s',
    '      warning: 25 % of the chains have a step whose Jacobian is not positive definite: the number is no bound',
  ]);
});

it('is broken between words on a terminal, a number and its percent sign together', () => {
  const plain = describeRow(row, 'nats');
  for (const columns of [60, 80, 100]) {
    const lines = describeRow(row, 'nats', { isTTY: true, columns });
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
    expect(lines.some((line) => /^ +%/.test(line))).toBe(false);
    expect(lines.join(' ').replace(/ +/g, ' ')).toBe(plain.join(' ').replace(/ +/g, ' '));
  }
});
