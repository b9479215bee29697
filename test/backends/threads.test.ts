// What `auto` comes to under a scheduler and in a container.

import { expect, it } from 'vitest';
import { usableThreads } from '../../src/backends/threads.js';

const files = (given: Record<string, string>) => (file: string) => given[file] ?? null;
const cores = 16;

it.each([
  ['all cores where nothing says otherwise', {}, {}, 16],
  ['what Slurm gives a task', { SLURM_CPUS_PER_TASK: '4' }, {}, 4],
  ['what OpenMP is limited to', { SLURM_CPUS_PER_TASK: '4', OMP_THREAD_LIMIT: '2' }, {}, 2],
  ['no more cores than there are', { SLURM_CPUS_PER_TASK: '99' }, {}, 16],
  [
    'the quota of its group, version 2',
    {},
    { '/proc/self/cgroup': '0::/job/step\n', '/sys/fs/cgroup/job/step/cpu.max': '350000 100000\n' },
    3,
  ],
  [
    'the quota of a group around its own',
    {},
    {
      '/proc/self/cgroup': '0::/job/step\n',
      '/sys/fs/cgroup/job/step/cpu.max': 'max 100000',
      '/sys/fs/cgroup/job/cpu.max': '200000 100000',
    },
    2,
  ],
  [
    'the quota of its group, version 1',
    {},
    {
      '/proc/self/cgroup': '3:cpuset:/\n2:cpu,cpuacct:/box\n0::/\n',
      '/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us': '50000\n',
      '/sys/fs/cgroup/cpu/box/cpu.cfs_period_us': '100000\n',
    },
    1,
  ],
  [
    'no quota where there is none',
    {},
    {
      '/proc/self/cgroup': '2:cpu:/\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    },
    16,
  ],
] satisfies [string, Record<string, string>, Record<string, string>, number][])(
  '%s',
  (_, environment, given, threads) => {
    expect(usableThreads({ cores, environment, read: files(given) })).toBe(threads);
  },
);
