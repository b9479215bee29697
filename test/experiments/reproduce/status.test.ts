// What a plan's folder tells of a task that a process of this machine has begun.

import { expect, it } from 'vitest';
import { beginning, type PlanFolder, type TaskRecord } from '../../../src/experiments/reproduce/plan-file.js';
import { planStatus } from '../../../src/experiments/reproduce/status.js';
import { isStopped } from '../../../src/interruption.js';

function stateOf(record: TaskRecord): string {
  const folder = {
    tasks: [{ id: 'a', after: [] }],
    record: () => record,
    job: () => null,
    logFile: () => 'no-such.log',
  };
  return planStatus(folder as unknown as PlanFolder)[0]!.state;
}

it('is running as long as that very process is there', () => {
  const record = beginning({});
  expect(stateOf(record)).toBe('running');
  expect(stateOf({ ...record, pid: 4194305 })).toBe('failed');
  // The same number, of a process that began at another time, or before the machine did.
  expect(stateOf({ ...record, start: '1' })).toBe('failed');
  expect(stateOf({ ...record, boot: 'another' })).toBe('failed');
  // As an earlier version wrote it.
  expect(stateOf({ ...record, start: '', boot: '' })).toBe('running');
});

it('has a child that a signal stopped for interrupted, and not for failed', () => {
  expect([129, 130, 143].map(isStopped)).toEqual([true, true, true]);
  expect([0, 1, 2, 137].map(isStopped)).toEqual([false, false, false, false]);
});
