// How many threads `auto` means: the cores that this process may use, which a scheduler or a container may have made fewer.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What is looked at; tests hand in their own. */
export interface Surroundings {
  cores: number;
  environment: Readonly<Record<string, string | undefined>>;
  /** A file's text; null where there is none. */
  read(file: string): string | null;
}

const HERE: Surroundings = {
  cores: availableParallelism(),
  environment: process.env,
  read: (file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return null;
    }
  },
};

/** Variables that hold a number of threads at most: what Slurm gives the task, and the limit of OpenMP's. */
const LIMITS = ['SLURM_CPUS_PER_TASK', 'OMP_THREAD_LIMIT'];

/** The least of the cores, what the environment says ({@link LIMITS}) and the processor time that cgroups allow; from 1. */
export function usableThreads({ cores, environment, read }: Surroundings = HERE): number {
  const given = LIMITS.map((name) => Number(environment[name])).filter((count) => Number.isInteger(count) && count > 0);
  const limits = [cores, ...given, ...cgroupLimits(read)];
  return Math.max(1, Math.floor(Math.min(...limits)));
}

/** Cores' worth of time by the limits of this process's groups and of those around them, in either version of cgroups. */
function cgroupLimits(read: Surroundings['read']): number[] {
  const limits: number[] = [];
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, group] = line.match(/^\d+:([^:]*):(.*)$/) ?? [];
    if (group === undefined) continue;
    for (const folder of foldersUpwards(group)) {
      if (controllers === '') {
        const [quota, period] = (read(`/sys/fs/cgroup${folder}/cpu.max`) ?? 'max').trim().split(' ').map(Number);
        if (quota! > 0 && period! > 0) limits.push(quota! / period!);
      } else if (controllers!.split(',').includes('cpu')) {
        const [quota, period] = ['quota', 'period'].map((name) =>
          Number(read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_${name}_us`) ?? Number.NaN),
        );
        if (quota! > 0 && period! > 0) limits.push(quota! / period!);
      }
    }
  }
  return limits;
}

/** `/a/b`, `/a` and the root, as suffixes of a path. */
function foldersUpwards(group: string): string[] {
  const parts = group.split('/').filter((part) => part !== '');
  return [...parts.map((_, i) => `/${parts.slice(0, parts.length - i).join('/')}`), ''];
}
