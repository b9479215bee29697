// What a plan's folder tells of a task that a process of this machine has begun.

import { expect, it } from 'vitest';
import { beginning, type PlanFolder, type TaskRecord } from '../../../src/experiments/reproduce/plan-file.js';
import { forgetEnded, planStatus } from '../../../src/experiments/reproduce/status.js';
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

it('forgets of what is begun again how it went before, and not what runs still', () => {
  const record = beginning({});
  const records = new Map<number, TaskRecord>([
    [1, { ...record, state: 'failed', ended: 1, message: 'no space left' }],
    [2, record],
    [3, { ...record, pid: 4194305 }],
    [4, { ...record, state: 'done', ended: 1 }],
    [5, { ...record, state: 'interrupted', ended: 1 }],
  ]);
  const folder = {
    tasks: [1, 2, 3, 4, 5].map((id) => ({ id: String(id), after: [] })),
    record: (number: number) => records.get(number) ?? null,
    forgetRecord: (number: number) => records.delete(number),
    job: () => null,
    logFile: () => 'no-such.log',
  } as unknown as PlanFolder;
  // The fourth was found done, and is not begun.
  forgetEnded(folder, [1, 2, 3, 5]);
  expect(planStatus(folder).map(({ state }) => state)).toEqual(['waiting', 'running', 'waiting', 'done', 'waiting']);
});

it('does not take for gone what ended while the queue was asked', () => {
  let record: TaskRecord = { ...beginning({ SLURM_JOB_ID: '7' }), host: 'node' };
  const folder = {
    tasks: [{ id: 'a', after: [] }],
    record: () => record,
    job: () => ({ job: '7', log: 'no-such.log' }),
    logFile: () => 'no-such.log',
  } as unknown as PlanFolder;
  const queue = () => {
    record = { ...record, state: 'done', ended: record.began + 5 };
    return new Map();
  };
  const [status] = planStatus(folder, { now: 0, host: 'here', isAlive: () => true, queue });
  expect(status).toMatchObject({ state: 'done', elapsed: 5 });
});
