// What else this machine has to do: hours are foretold for an idle one.

import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds of looking. */
const LOOKING = 200;

/** Cores in use below which a machine counts as idle. */
const FEW = 0.5;

/** What a core has done since the machine started, by kind, milliseconds. */
type CoreTimes = ReturnType<typeof cpus>[number]['times'];

/** How many cores others keep busy, about: this process sleeps while it looks. */
export async function busyCores(look: () => readonly { times: CoreTimes }[] = cpus): Promise<number> {
  const before = look();
  await sleep(LOOKING);
  return look().reduce((busy, { times }, i) => {
    const passed = (kind: keyof CoreTimes) => times[kind] - (before[i]?.times[kind] ?? times[kind]);
    const all = (Object.keys(times) as (keyof CoreTimes)[]).reduce((sum, kind) => sum + passed(kind), 0);
    return all > 0 ? busy + 1 - passed('idle') / all : busy;
  }, 0);
}

/** What a reader of foretold hours should know; null where the machine is idle. */
export function busyNotice(busy: number, cores = cpus().length): string | null {
  if (busy < FEW) return null;
  const taken = `other work takes about ${busy.toFixed(1)} of the ${cores} cores now`;
  return `${taken}, and these are times of an idle machine: it takes longer while that goes on`;
}
