// Tasks side by side: who waits for whom, how many at a time, what memory allows, and what becomes of failures and stops.

import { describe, expect, it } from 'vitest';
import { InterruptedError } from '../../../src/errors.js';
import type { Task } from '../../../src/experiments/reproduce/plan.js';
import { carryOutTogether } from '../../../src/experiments/reproduce/together.js';

/** Tasks by id, each with those it needs. */
const tasks = (needs: Record<string, string[]>): Task[] => [
  ...Object.entries(needs).map(([id, after]) => ({ id, after, kind: 'prepare' }) as Task),
  { id: 'report', after: [], kind: 'report' },
];

/** Does tasks that end when they are told to; `log` has who ran with whom. */
function workshop(plan: Task[], options: Partial<Parameters<typeof carryOutTogether>[2]> = {}) {
  const running = new Map<string, { end(): void; fail(error: Error): void }>();
  const log: string[] = [];
  const all = carryOutTogether(
    plan,
    ({ id }) =>
      new Promise<void>((resolve, reject) => {
        running.set(id, {
          end: () => resolve(),
          fail: reject,
        });
        log.push([...running.keys()].join(' '));
      }).then(
        () => {
          running.delete(id);
        },
        (error) => {
          running.delete(id);
          throw error;
        },
      ),
    { jobs: 2, memoryOf: () => 1, memory: 10, ...options },
  );
  const settle = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return {
    all,
    log,
    end: async (id: string) => {
      running.get(id)!.end();
      await settle();
    },
    fail: async (id: string, error: Error) => {
      running.get(id)!.fail(error);
      await settle();
    },
  };
}

describe('carryOutTogether', () => {
  it('begins each as soon as what it needs is done and there is a place, the report last', async () => {
    const shop = workshop(tasks({ a: [], b: [], c: ['a'], d: ['b'] }));
    expect(shop.log).toEqual(['a', 'a b']);
    await shop.end('b');
    expect(shop.log.at(-1)).toBe('a d');
    await shop.end('a');
    expect(shop.log.at(-1)).toBe('d c');
    await shop.end('c');
    await shop.end('d');
    expect(shop.log.at(-1)).toBe('report');
    await shop.end('report');
    expect(await shop.all).toEqual([]);
  });

  it('keeps to the memory there is; what needs more than all of it runs alone', async () => {
    const size: Record<string, number> = { a: 6, b: 5, c: 4, huge: 99 };
    const shop = workshop(tasks({ a: [], b: [], c: [], huge: [] }), { jobs: 3, memoryOf: ({ id }) => size[id] ?? 0 });
    // b does not fit beside a; c does.
    expect(shop.log).toEqual(['a', 'a c']);
    await shop.end('a');
    expect(shop.log.at(-1)).toBe('c b');
    await shop.end('c');
    await shop.end('b');
    expect(shop.log.at(-1)).toBe('huge');
    await shop.end('huge');
    await shop.end('report');
    await shop.all;
  });

  it('loses with a task what needs it, and nothing else', async () => {
    const told: string[] = [];
    const shop = workshop(tasks({ a: [], b: [], c: ['a'], d: ['c'], e: ['b'] }), {
      onFailure: ({ task }) => told.push(task.id),
    });
    await shop.fail('a', new Error('no'));
    expect(told).toEqual(['a']);
    await shop.end('b');
    await shop.end('e');
    await shop.end('report');
    const [failure, ...more] = await shop.all;
    expect(more).toEqual([]);
    expect(failure!.blocked.map(({ id }) => id)).toEqual(['c', 'd']);
    expect(shop.log.join(' ')).not.toMatch(/[cd]/);
  });

  it('begins nothing after a stop, and waits for what runs to save', async () => {
    const stop = new AbortController();
    const shop = workshop(tasks({ a: [], b: [], c: [] }), { signal: stop.signal });
    let over = false;
    const all = shop.all.catch((error) => {
      over = true;
      return error;
    });
    stop.abort();
    await shop.fail('a', new InterruptedError('saved'));
    expect(over).toBe(false);
    await shop.fail('b', new InterruptedError('saved'));
    expect(await all).toBeInstanceOf(InterruptedError);
    expect(shop.log).toEqual(['a', 'a b']);
  });
});
