import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../../src/config/schema.js';
import { InputError, InterruptedError } from '../../../src/errors.js';
import {
  type Candidate,
  carryOut,
  chooseParts,
  describeTask,
  isAll,
  makePlan,
  settle,
  type Task,
  type Wanted,
} from '../../../src/experiments/reproduce/plan.js';
import { methods } from '../../../src/methods/registry.js';
import type { TableKey } from '../../../src/report/define-table.js';
import { figuresOf } from '../../../src/report/figures.js';
import type { Measuring, Need, Product } from '../../../src/report/product.js';
import { tablesOf } from '../../../src/report/tables.js';

const all: Candidate[] = methods().map(({ name, inference }) => ({ name, method: name, inference }));
const only = (...names: string[]) => all.filter(({ name }) => names.includes(name));
const ofConfig = { named: false, labelled: true };

const table = (key: TableKey): Product => tablesOf([key])[0]!;
const METRICS = ['ppl', 'recon'];
const needOf = (measuring: Measuring): Need =>
  measuring === 'metrics' ? { measuring, metrics: METRICS } : { measuring };

/** Names of the runs of one product. */
function runsOf(product: Product, candidates = all, how = ofConfig): string[] {
  return chooseParts([product], candidates, how).runs.map(({ name }) => name);
}

describe('which methods a table shows', () => {
  const withCode = all.map(({ name }) => name).filter((name) => name !== 'lstm-lm');

  it('is as in the paper', () => {
    expect(runsOf(table(1))).toEqual(all.map(({ name }) => name).filter((name) => name !== 'ae'));
    expect(runsOf(table(4))).toEqual(withCode);
    expect(runsOf(table(5))).toEqual(withCode);
    for (const product of [table(2), table(3), ...figuresOf([1])]) expect(runsOf(product)).toEqual(['fb-vae', 'sri']);
  });

  it('is what was named, where that has what the table shows', () => {
    const named = { named: true, labelled: true };
    expect(runsOf(table(2), only('lstm-lm', 'anneal-vae', 'sri'), named)).toEqual(['anneal-vae', 'sri']);
    expect(runsOf(table(1), only('ae', 'sri'), named)).toEqual(['sri']);
    const parts = chooseParts([table(4)], only('lstm-lm', 'sri'), named);
    expect(parts.idle).toEqual(['lstm-lm']);
    expect(parts.runs).toEqual([{ name: 'sri', product: 'Table 4', need: { measuring: 'noisy-recon' } }]);
  });

  it('is of several numbers of steps in the ablation, and of short runs alone', () => {
    expect(runsOf(table('ablation-steps'))).toEqual(
      all.filter(({ inference }) => inference === 'short-run').map(({ name }) => name),
    );
    const [run] = chooseParts([table('ablation-steps')], only('sri'), ofConfig).runs;
    expect(run!.varying).toEqual([{ quantity: 'steps', values: [10, 20, 40, 60] }]);
  });

  it('is the settings that a product shows, where a config has them, and of a table without such every method', () => {
    const settings = ['sri@annealed', 'sri@plain'].map((name) => ({ ...only('sri')[0]!, name }));
    const shown = runsOf(table('frontier'), [...only('lstm-lm', 'ae', 'fb-vae', 'sri'), ...settings]);
    expect(shown).toEqual(['lstm-lm', 'fb-vae', 'sri@annealed']);
    expect(runsOf(table(1), [...only('sri'), ...settings])).toEqual(['sri']);
  });

  it('is whoever has what is needed, where a table does not say', () => {
    const needing = (...metrics: string[]): Product => ({
      title: 'a table',
      needs: [{ measuring: 'metrics', metrics }],
    });
    expect(runsOf(needing('recon', 'mi'))).toEqual(withCode);
    expect(runsOf(needing('mi'))).toEqual(withCode.filter((name) => name !== 'ae'));
    expect(runsOf(needing('ppl'))).toEqual(all.map(({ name }) => name).filter((name) => name !== 'ae'));
    expect(runsOf({ title: 'a figure', needs: [{ measuring: 'ais' }] })).toEqual(
      withCode.filter((name) => name !== 'ae'),
    );
  });

  it('leaves out what cannot be, and says why', () => {
    const unlabelled = chooseParts([table(1), table(5)], only('sri'), { named: false, labelled: false });
    expect(unlabelled.runs).toEqual([expect.objectContaining({ name: 'sri', product: 'Table 1' })]);
    expect(unlabelled.leftOut).toEqual([{ product: 'Table 5', reason: 'the text has no labels' }]);
    const codeless = chooseParts([table(1), table(2)], only('lstm-lm'), ofConfig);
    expect(codeless.leftOut.map(({ product }) => product)).toEqual(['Table 2']);
  });
});

function runOf(name: string, seed = 0, encoder: string | null = null, decoder: string | null = null): RunConfig {
  return { name, seed, startFrom: { encoder, decoder } } as RunConfig;
}

const startsOf = ({ startFrom, seed }: RunConfig) =>
  [startFrom!.encoder, startFrom!.decoder].flatMap((name) => (name === null ? [] : [runOf(name, seed)]));

const want = (run: RunConfig, ...measuring: Measuring[]): Wanted[] =>
  measuring.map((kind) => ({ run, need: needOf(kind) }));

const ids = (tasks: readonly Task[]) => tasks.map(({ id }) => id);

describe('a plan', () => {
  const tasks = makePlan(
    [
      ...want(runOf('lstm-lm'), 'metrics'),
      ...want(runOf('fb-vae', 0, 'ae'), 'posterior', 'metrics'),
      ...want(runOf('fb-vae', 1, 'ae'), 'metrics'),
      ...want(runOf('ae'), 'noisy-recon'),
      ...want(runOf('lstm-lm'), 'generations'),
    ],
    startsOf,
  );

  it('trains each run once, after the one that it starts from, and measures it then', () => {
    expect(ids(tasks)).toEqual([
      'prepare',
      'train lstm-lm seed-0',
      'metrics lstm-lm seed-0',
      'generations lstm-lm seed-0',
      'train ae seed-0',
      'train fb-vae seed-0',
      'metrics fb-vae seed-0',
      'posterior fb-vae seed-0',
      'train ae seed-1',
      'train fb-vae seed-1',
      'metrics fb-vae seed-1',
      'noisy-recon ae seed-0',
      'report',
    ]);
    expect(tasks.find(({ id }) => id === 'train fb-vae seed-1')!.after).toEqual(['prepare', 'train ae seed-1']);
  });

  it('measures together the metrics that several tables need of a run', () => {
    const needs: Need[] = [needOf('metrics'), { measuring: 'metrics', metrics: ['recon', 'mi'] }];
    const both = makePlan(
      needs.map((need) => ({ run: runOf('sri'), need })),
      startsOf,
    );
    expect(both.find(({ kind }) => kind === 'metrics')).toMatchObject({ metrics: ['ppl', 'recon', 'mi'] });
  });

  it('refuses runs that start from each other', () => {
    const next: Record<string, string> = { ae: 'fb-vae', 'fb-vae': 'ae' };
    const circle = () => makePlan(want(runOf('sri'), 'metrics'), ({ name }) => [runOf(next[name] ?? 'fb-vae')]);
    expect(circle).toThrow(/sri starts from fb-vae starts from ae starts from fb-vae: the first/);
  });

  it('trains a run after both that its parts start from, and once where they are one', () => {
    const both = makePlan(want(runOf('fb-vae', 2, 'ae', 'lstm-lm'), 'metrics'), startsOf);
    expect(ids(both).slice(0, 4)).toEqual([
      'prepare',
      ...['ae', 'lstm-lm', 'fb-vae'].map((name) => `train ${name} seed-2`),
    ]);
    expect(both[3]!.after).toEqual(['prepare', 'train ae seed-2', 'train lstm-lm seed-2']);
    const one = makePlan(want(runOf('fb-vae', 2, 'ae', 'ae'), 'metrics'), startsOf);
    expect(ids(one).filter((id) => id.startsWith('train'))).toEqual(['train ae seed-2', 'train fb-vae seed-2']);
  });

  it('has nothing before what it waits for', () => {
    tasks.forEach(({ after }, at) => {
      for (const id of after) expect(ids(tasks.slice(0, at))).toContain(id);
    });
  });

  it('says in words what each task is', () => {
    expect(tasks.map(describeTask)).toContain('train fb-vae, seed 1');
    expect(new Set(tasks.map(describeTask)).size).toBe(tasks.length);
  });
});

describe('carrying a plan out', () => {
  const tasks = makePlan(
    [
      ...want(runOf('lstm-lm'), 'metrics'),
      ...want(runOf('fb-vae', 0, 'ae'), 'metrics', 'posterior'),
      ...want(runOf('sri'), 'metrics'),
    ],
    startsOf,
  );

  /** Does tasks, of which some fail. */
  async function attempt(failing: Record<string, Error>, of = tasks) {
    const begun: string[] = [];
    const failures = await carryOut(of, async ({ id }) => {
      begun.push(id);
      if (failing[id]) throw failing[id];
    });
    return { begun, failures };
  }

  it('does all of it in order where nothing fails', async () => {
    const { begun, failures } = await attempt({});
    expect(begun).toEqual(ids(tasks));
    expect(failures).toEqual([]);
    expect(() => settle(failures, tasks)).not.toThrow();
  });

  it('goes on with what does not need what failed', async () => {
    const { begun, failures } = await attempt({
      'train ae seed-0': new InputError('no such folder'),
      'metrics sri seed-0': new Error('diverged'),
    });
    expect(begun).toEqual([
      'prepare',
      'train lstm-lm seed-0',
      'metrics lstm-lm seed-0',
      'train ae seed-0',
      'train sri seed-0',
      'metrics sri seed-0',
      'report',
    ]);
    expect(failures.map(({ blocked }) => ids(blocked))).toEqual([
      ['train fb-vae seed-0', 'metrics fb-vae seed-0', 'posterior fb-vae seed-0'],
      [],
    ]);
    expect(failures.some((failure) => isAll(failure, tasks))).toBe(false);
    const message = [
      `2 of ${tasks.length} tasks failed`,
      'train ae, seed 0: no such folder',
      '  so not done: train fb-vae, seed 0',
      '  so not done: measure fb-vae, seed 0',
      '  so not done: posterior of fb-vae, seed 0',
      'measure sri, seed 0: diverged',
    ].join('\n');
    expect(() => settle(failures, tasks)).toThrow(new Error(message));
    expect(() => settle(failures, tasks)).not.toThrow(InputError);
  });

  it('ends with the error of wrong input itself where nothing else was asked for', async () => {
    const wrong = new InputError('no raw files');
    const unprepared = await attempt({ prepare: wrong });
    expect(unprepared.begun).toEqual(['prepare', 'report']);
    expect(() => settle(unprepared.failures, tasks)).toThrow(wrong);
    const one = makePlan(want(runOf('sri'), 'metrics'), startsOf);
    const { failures } = await attempt({ 'train sri seed-0': wrong }, one);
    expect(() => settle(failures, one)).toThrow(wrong);
    // What is no wrong input keeps its own exit code.
    const defect = await attempt({ 'train sri seed-0': new Error('diverged') }, one);
    expect(() => settle(defect.failures, one)).toThrow(/^1 of 4 tasks failed\ntrain sri, seed 0: diverged\n {2}so not/);
  });

  it('stops at once when it is interrupted, within a task or between two', async () => {
    await expect(attempt({ 'train ae seed-0': new InterruptedError('saved') })).rejects.toThrow(InterruptedError);
    const stop = new AbortController();
    const begun: string[] = [];
    const stopping = carryOut(
      tasks,
      async ({ id }) => {
        begun.push(id);
        if (id === 'train lstm-lm seed-0') stop.abort();
      },
      { signal: stop.signal },
    );
    await expect(stopping).rejects.toThrow(new InterruptedError('stopped before: measure lstm-lm, seed 0'));
    expect(begun).toEqual(['prepare', 'train lstm-lm seed-0']);
  });
});
