// What this machine reaches when nothing else runs on it, kept between commands: a plan that is asked for while others compute
// should tell the same hours as at night, and a training that shares its cores is no more than all of the peak.

import { readFileSync } from 'node:fs';
import { cpus, homedir, loadavg } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { measurePeak } from '../backends/peak.js';
import { processorModel } from '../backends/processor.js';
import type { Precision } from '../config/choices.js';
import { JsonFormat } from '../runs/json-format.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { makeFolder } from '../storage/folder.js';
import { packageVersion } from '../version.js';

const PEAKS = new JsonFormat(
  'record of speeds',
  1,
  z.strictObject({
    peaks: z.record(z.string(), z.strictObject({ flops: z.number().positive(), idle: z.boolean() })),
  }),
  'remove it, and the machine is measured again',
);

/** Load, in processes that want a core, below which a machine is idle. */
const IDLE = 0.3;

/** The user's cache folder, by the XDG base directory specification. */
export function cacheFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const { XDG_CACHE_HOME: base } = environment;
  return path.join(base !== undefined && path.isAbsolute(base) ? base : path.join(homedir(), '.cache'), 'sri');
}

/**
 * The most floating-point operations a second that the backend in use has reached on this machine, with so many threads and in
 * such a precision: as measured at idle, or the most of all times where it was never seen idle.
 * @returns null where the backend cannot be measured, or has no such products.
 */
export async function idlePeak(
  backend: string,
  threads: number,
  precision: Precision,
  { file = path.join(cacheFolder(), 'peaks.json'), load = loadavg()[0]!, measure = () => measurePeak(precision) } = {},
): Promise<number | null> {
  const machine = `${processorModel()}, ${cpus().length} cores`;
  const key = `${machine}, ${backend}, ${threads} threads, ${precision}, sri ${packageVersion()}`;
  const peaks = read(file);
  const known = peaks[key];
  if (known?.idle) return known.flops;
  const measured = measure();
  if (measured === null) return known?.flops ?? null;
  const idle = load < IDLE;
  const flops = idle ? measured : Math.max(measured, known?.flops ?? 0);
  try {
    makeFolder(path.dirname(file));
    await writeFileAtomic(file, PEAKS.write({ peaks: { ...peaks, [key]: { flops, idle } } }));
  } catch {
    // Where nothing may be kept, the next plan measures again.
  }
  return flops;
}

/** Nothing where there is no such file, or one of another version: it is only a cache. */
function read(file: string): Record<string, { flops: number; idle: boolean }> {
  try {
    return PEAKS.read(readFileSync(file, 'utf8'), file).peaks;
  } catch {
    return {};
  }
}
