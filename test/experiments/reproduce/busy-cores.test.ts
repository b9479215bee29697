// Whether others keep the machine busy, by what its cores have done meanwhile.

import { expect, it } from 'vitest';
import { busyCores, busyNotice } from '../../../src/experiments/reproduce/busy-cores.js';

const core = (user: number, nice: number, idle: number) => ({ times: { user, nice, sys: 0, irq: 0, idle } });

it('counts what cores do beside being idle, in cores', async () => {
  const looks = [
    [core(1000, 0, 5000), core(0, 0, 9000), core(7, 7, 7)],
    [core(1200, 0, 5000), core(0, 50, 9150), core(7, 7, 207)],
  ];
  // All of the first, a quarter of the second, nothing of the third.
  expect(await busyCores(() => looks.shift()!)).toBeCloseTo(1.25, 10);
});

it('is nothing where no time has passed, or a core has come', async () => {
  const looks = [[core(5, 5, 5)], [core(5, 5, 5), core(100, 0, 0)]];
  expect(await busyCores(() => looks.shift()!)).toBe(0);
});

it('finds this machine between idle and all at work', async () => {
  const { cpus } = await import('node:os');
  const busy = await busyCores();
  expect(busy).toBeGreaterThanOrEqual(0);
  expect(busy).toBeLessThanOrEqual(cpus().length);
});

it('is told where it matters', () => {
  expect(busyNotice(0.2, 2)).toBe(null);
  expect(busyNotice(1.26, 2)).toMatch(/^other work takes about 1\.3 of the 2 cores now, .* times of an idle machine/);
});
