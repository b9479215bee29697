// What is handed to Slurm: the levels of a plan, who waits for whom, and scripts that a shell can read. That Slurm does with
// them what is meant is tested on a real one, by scripts/test-slurm.mjs.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Task } from '../../../src/experiments/reproduce/plan.js';
import type { PlanFolder } from '../../../src/experiments/reproduce/plan-file.js';
import { levels, slurmJobs } from '../../../src/experiments/reproduce/slurm.js';
import { sri } from '../../cli/in-process.js';
import { writeStudy } from '../../cli/reproduce/study.js';

describe('levels', () => {
  const tasks = (needs: Record<string, string[]>) =>
    Object.entries(needs).map(([id, after]) => ({ id, after, kind: id === 'report' ? 'report' : 'prepare' }) as Task);

  it('hold what needs only earlier ones', () => {
    const plan = tasks({
      prepare: [],
      lm: ['prepare'],
      'lm ppl': ['lm'],
      sri: ['prepare', 'lm'],
      'sri ppl': ['sri'],
      report: [],
    });
    expect(levels(plan, () => false)).toEqual([[0], [1], [2, 3], [4]]);
    // What is done is waited for by nobody.
    expect(levels(plan, ({ id }) => ['prepare', 'lm'].includes(id))).toEqual([[2, 3], [4]]);
    expect(levels(plan, () => true)).toEqual([]);
  });
});

it('has logs in a folder whose name has a %, which Slurm takes for one of its own', () => {
  const tasks = [
    { id: 'a', after: [], kind: 'prepare' },
    { id: 'report', after: [], kind: 'report' },
  ];
  const folder = { directory: '/at/50%A/plan', plan: { directory: '/at/50%A' }, tasks } as unknown as PlanFolder;
  const given = slurmJobs(folder, () => false, { sbatch: [] }).map(({ arguments: words }) => words);
  const of = (option: string) => given.map((words) => words.find((word) => word.startsWith(option)));
  expect(of('--output')).toEqual([
    '--output=/at/50%%A/plan/logs/level-0-%A_%a.log',
    '--output=/at/50%%A/plan/logs/report-%j.log',
  ]);
  expect(of('--chdir')).toEqual(['--chdir=/at/50%A', '--chdir=/at/50%A']);
});

describe('--launcher slurm --print', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sri-slurm-'));
  const before = process.cwd();
  beforeAll(() => {
    process.chdir(root);
    writeStudy(root);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(root, { recursive: true });
  });
  const study = ['reproduce', '--config', 'tiny.yaml', '--from', '.', '--methods', 'sri', '--seeds', '0,1'];

  it('writes scripts that bash can read, says how they are submitted, and submits nothing', async () => {
    const options = ['--launcher', 'slurm', '--sbatch', '-c 4 -t 24:00:00', '--array-limit', '3', '--print'];
    const { code, out, error } = await sri(...study, ...options);
    expect(code, error).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split('=$(sbatch')[0])).toEqual([
      'level_0',
      'level_1',
      'level_2',
      'level_3',
      'report',
    ]);
    expect(lines[0]).not.toContain('--dependency');
    expect(lines[2]).toMatch(/--array=0-1%3 -c 4 -t 24:00:00 --dependency=afterany:\$level_1 \S+level-2\.sh\)$/);
    expect(lines[2]).toMatch(/--kill-on-invalid-dep=yes --requeue --signal=B:INT@120/);
    expect(lines[4]).toMatch(/--dependency=afterany:\$level_0:\$level_1:\$level_2:\$level_3 /);
    for (const line of lines) execFileSync('bash', ['-n', line.match(/(\S+\.sh)\)$/)![1]!]);
    const folder = path.dirname(path.dirname(lines[0]!.match(/(\S+\.sh)\)$/)![1]!));
    expect(existsSync(path.join(folder, 'jobs.json'))).toBe(false);
    const status = await sri('status', folder);
    expect(status.out).toMatch(/^\d+: train sri, seed 1 +waiting$/m);
    expect(status.out).toMatch(/^\d+ waiting$/m);
  });

  it('has in a script a task that is queued again when it is killed, and not when it fails', async () => {
    const { out } = await sri(...study, '--launcher', 'slurm', '--print');
    const script = readFileSync(out.match(/(\S+level-1\.sh)\)$/m)![1]!, 'utf8');
    const measuring = readFileSync(out.match(/(\S+level-3\.sh)\)$/m)![1]!, 'utf8');
    const outcome = (task: string, environment: Record<string, string> = {}, from = script) => {
      // In place of the task's command, a program that ends as a task might; in place of Slurm's, one that only tells.
      const command = from.replace(/^\S.* "\$number" &$/m, () => `${process.execPath} -e '${task}' &`);
      writeFileSync('job.sh', `scontrol() { echo "scontrol $*"; }\n${command}`);
      try {
        const env = { PATH: process.env.PATH!, SLURM_ARRAY_TASK_ID: '1', SLURM_ARRAY_JOB_ID: '7', ...environment };
        return execFileSync('bash', ['job.sh'], { env, encoding: 'utf8' });
      } catch (error) {
        const { status, stdout } = error as { status: number; stdout: string };
        return `${stdout}ended with ${status}`;
      }
    };
    const killed = 'process.kill(process.pid, "SIGKILL")';
    const told =
      'process.on("SIGINT", () => process.exit(130)); process.kill(process.ppid, "SIGINT"); setInterval(() => {}, 1000)';
    expect(outcome('process.exit(0)')).toBe('');
    expect(outcome('process.exit(1)')).toBe('ended with 1');
    expect(outcome(killed)).toMatch(/scontrol requeue 7_1\nended with 137$/);
    expect(outcome(killed, { SLURM_RESTART_COUNT: '3' })).toBe('ended with 137');
    // Slurm tells the script that time is nearly up; the task, told by it, saves and ends with 130.
    expect(outcome(told)).toMatch(/saved before the time limit\nscontrol requeue 7_1\nended with 130$/);
    // Training goes on where it was, so it may be told any number of times; a measurement begins anew.
    expect(outcome(told, { SLURM_RESTART_COUNT: '50' })).toMatch(/scontrol requeue 7_1\nended with 130$/);
    expect(outcome(told, { SLURM_RESTART_COUNT: '2' }, measuring)).toMatch(/scontrol requeue 7_1\nended with 130$/);
    expect(outcome(told, { SLURM_RESTART_COUNT: '3' }, measuring)).toMatch(/^sri: given up: .*\nended with 130$/);
    // Interrupted by someone else, it stays stopped.
    expect(outcome('process.exit(130)')).toBe('ended with 130');
  });

  it('refuses what does not go together', async () => {
    expect((await sri(...study, '--print')).error).toMatch(/--print goes with --launcher slurm/);
    expect((await sri(...study, '--dry-run', '--sbatch', '--mem=8G')).error).toMatch(/--sbatch goes with --launcher/);
    expect((await sri(...study, '--launcher', 'slurm', '--jobs', '2')).error).toMatch(/leave one out/);
  });
});
