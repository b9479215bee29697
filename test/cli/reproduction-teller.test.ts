// What of a reproduction is told when no run is in hand.

import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { ReproductionTeller } from '../../src/cli/reproduction-teller.js';

it('is a warning, though no run is trained', () => {
  const said: string[] = [];
  const progress = { update: () => {}, say: (line: string) => said.push(line), end: () => {} };
  const io = {
    in: Readable.from([]),
    out: new PassThrough(),
    error: new PassThrough(),
    stop: new AbortController().signal,
  };
  const teller = new ReproductionTeller(io, progress, { split: 'test', format: 'table' });
  teller.tell({ kind: 'warning', text: 'runs/ptb/mmd-vae/seed-0 is left out: it was trained with --plugin mmd' });
  expect(said).toEqual(['warning: runs/ptb/mmd-vae/seed-0 is left out: it was trained with --plugin mmd']);
});
