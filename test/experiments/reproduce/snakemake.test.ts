// A study as a Snakefile: which rule needs which, what a name may hold; and, where there is Snakemake, done by it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Task } from '../../../src/experiments/reproduce/plan.js';
import type { PlanFolder } from '../../../src/experiments/reproduce/plan-file.js';
import { snakefile } from '../../../src/experiments/reproduce/snakemake.js';
import { sri } from '../../cli/in-process.js';
import { writeStudy } from '../../cli/reproduce/study.js';

/** Snakemake: SRI_SNAKEMAKE, or the one on the path. */
const snakemake = [process.env.SRI_SNAKEMAKE, 'snakemake'].find(
  (candidate) => candidate !== undefined && spawnSync(candidate, ['--version']).status === 0,
);
if (snakemake === undefined) {
  process.stderr.write('\nNo study is DONE BY SNAKEMAKE in this test: there is none; name one in SRI_SNAKEMAKE\n');
}

/** The rules of a Snakefile by the number of their task: which tasks they need, and their lines. */
function rulesOf(text: string): Map<number, { needs: number[]; text: string }> {
  return new Map(
    text
      .split(/^(?=rule )/m)
      .slice(1)
      .map((rule) => {
        const [head, input = ''] = [rule, rule.match(/input:\n((?: {8}.*\n)*)/)?.[1]];
        const needs = [...input.matchAll(/\/(\d+)",/g)].map(([, number]) => Number(number));
        return [Number(head.match(/^rule task_(\d+)_/)![1]), { needs, text: rule }] as const;
      }),
  );
}

describe('snakefile', () => {
  const run = { name: 'sri@released', seed: 0, threads: 'auto' };
  const tasks = [
    { id: 'prepare', after: [], kind: 'prepare' },
    { id: 'train lstm-lm seed-0', after: ['prepare'], kind: 'train', run: { name: 'lstm-lm', seed: 0, threads: 2 } },
    {
      id: 'train sri@released seed-0',
      after: ['prepare', 'train lstm-lm seed-0'],
      kind: 'train',
      run,
    },
    { id: 'report', after: [], kind: 'report' },
  ] as unknown as Task[];
  const directory = "/runs/it's {odd}/plan";
  const folder = {
    directory,
    tasks,
    logFile: (number: number) => `${directory}/logs/task-${number}.log`,
  } as unknown as PlanFolder;

  it('has a rule for each task that is not done, after what it needs, and the report first', () => {
    const text = snakefile(folder, {
      isDone: ({ kind }) => kind === 'prepare',
      memoryOf: ({ kind }) => (kind === 'train' ? 300.5 * 2 ** 20 : null),
    });
    const rules = rulesOf(text);
    expect([...rules].map(([number, { needs }]) => [number, needs])).toEqual([
      [4, [2, 3]],
      [2, []],
      [3, [2]],
    ]);
    expect(rules.get(2)!.text).toMatch(/threads: 2\n +resources: mem_mb=301\n/);
    expect(rules.get(2)!.text).not.toContain('--threads');
    expect(rules.get(3)!.text).toMatch(
      /threads: int\(config\.get\("threads", 1\)\)\n[\s\S]* 3 --threads \{threads\} >> /,
    );
    expect(rules.get(4)!.text).not.toContain('mem_mb');
  });

  it('says braces and quotation marks of paths as Snakemake, Python and the shell read them', () => {
    const text = snakefile(folder, { isDone: () => false, memoryOf: () => null });
    expect(text).toContain(`workdir: "/runs/it's {odd}/plan"`);
    expect(text).toContain('log: "logs/task-1.log"');
    expect(text).toContain(`run-task '/runs/it'\\\\''s {{odd}}/plan' 1 >> {log} 2>&1"`);
  });
});

describe('--export snakemake', () => {
  const root = path.join(mkdtempSync(path.join(tmpdir(), 'sri-snakemake-')), "it's {odd}");
  const before = process.cwd();
  beforeAll(() => {
    mkdirSync(root);
    process.chdir(root);
    writeStudy(root);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(path.dirname(root), { recursive: true });
  });
  const study = ['reproduce', '--config', 'tiny.yaml', '--from', '.', '--methods', 'lstm-lm', '--seeds', '0,1'];
  const exported = async () => {
    const { code, out, error } = await sri(...study, '--export', 'snakemake', '--json');
    expect(code, error).toBe(0);
    return JSON.parse(out).file as string;
  };

  it('writes a Snakefile, and does nothing', async () => {
    const rules = rulesOf(readFileSync(await exported(), 'utf8'));
    expect([...rules].map(([number, { needs }]) => [number, needs])).toEqual([
      [6, [1, 2, 3, 4, 5]],
      [1, []],
      [2, [1]],
      [3, [2]],
      [4, [1]],
      [5, [4]],
    ]);
    expect(existsSync('data/tiny')).toBe(false);
    expect((await sri(...study, '--export', 'snakemake', '--jobs', '2')).error).toMatch(
      /--jobs and --export are two ways/,
    );
    expect((await sri(...study, '--export', 'snakemake', '--print')).error).toMatch(/--print goes with --launcher/);
  }, 180_000);

  it.skipIf(snakemake === undefined)(
    'is done by Snakemake, which finds it done again',
    async () => {
      const file = await exported();
      const does = (...args: string[]) => {
        const whole = ['--snakefile', file, '--cores', '1', '--keep-going', ...args];
        const { status, stdout, stderr } = spawnSync(snakemake!, whole, { encoding: 'utf8' });
        expect(status, stdout + stderr).toBe(0);
        return stdout + stderr;
      };
      expect(does('--dry-run')).toMatch(/\btotal +6\b/);
      does();
      expect(readFileSync('tables/tiny/table1.csv', 'utf8')).toMatch(/^LSTM-LM,.*/m);
      expect((await sri('status', path.dirname(file))).out).toMatch(/^6 done$/m);
      expect(does()).toMatch(/Nothing to be done/);
      // Exported again, of what is done only the report is left.
      expect([...rulesOf(readFileSync(await exported(), 'utf8')).keys()]).toEqual([6]);
    },
    480_000,
  );
});
