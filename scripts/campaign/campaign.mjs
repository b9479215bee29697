// The campaign itself: a world in a folder of its own, and then each kind of case again and again, drawn by seed. A case is a
// function of a source of chance and a folder for what it makes; it gives how the commands ended, one or several, and what
// was wrong, in words, or null.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deaths } from './deaths.mjs';
import { readings } from './readings.mjs';
import { built, createWorld } from './world.mjs';

/** What commands die of, are stopped by or fail from, and what they read, in the order in which they are told. */
const DEADLY = ['kill', 'signal', 'fault'];
const READ = ['config', 'override', 'corpus', 'checkpoint', 'row', 'text', 'argument'];
export const KINDS = [...DEADLY, ...READ];

/** Deaths for each input that is read, where a count is given. */
const DEATHS = 0.1;
/** Inputs that are read in the time of a death, about. */
const INPUTS = 20;

/** Seconds of the processor that a case may take. */
const LONGEST = 60;

/**
 * @param minutes of all kinds together, where there is no count.
 * @param count of inputs of each kind that is read, and ten times what befalls commands of each kind.
 * @param keep leaves the folder of the campaign.
 * @returns {counts, failures}: by kind, the cases, how they ended and the processor's seconds; what was not right, in words.
 */
export async function runCampaign({ kinds = KINDS, minutes, count, seed, keep = false, log }) {
  const root = mkdtempSync(path.join(tmpdir(), 'sri-campaign-'));
  const before = process.cwd();
  process.chdir(root);
  log(`seed ${seed}, in ${root}`);
  const failures = [];
  const counts = Object.fromEntries(kinds.map((kind) => [kind, { cases: 0, exits: {}, seconds: 0 }]));
  try {
    const { RandomStream } = await built('random/philox.js');
    const world = await createWorld(seed);
    log('the runs that are left alone are trained');
    const cases = { ...deaths(world), ...(await readings(world)) };
    const end = performance.now() + (minutes ?? 0) * 60_000;
    const wanted = (kind) => (DEADLY.includes(kind) ? Math.ceil(count * DEATHS) : count);
    for (let round = 0; ; round++) {
      const due = kinds.filter((kind) => count === undefined || counts[kind].cases < wanted(kind));
      if (due.length === 0 || (count === undefined && performance.now() > end)) break;
      for (const kind of due) {
        const random = new RandomStream({ seed, purpose: 'shuffle', batch: KINDS.indexOf(kind), step: round });
        const times = READ.includes(kind) ? INPUTS : 1;
        for (let i = 0; i < times && (count === undefined || counts[kind].cases < wanted(kind)); i++) {
          await one(kind, cases[kind], random);
        }
      }
      if (round % 50 === 49) log(summary(counts));
    }
  } finally {
    process.chdir(before);
    if (keep || failures.length > 0) log(`what was made is left in ${root}`);
    else rmSync(root, { recursive: true, force: true });
  }
  log(summary(counts));
  log(`${failures.length} not as they should be${failures.length === 0 ? '' : ':'}`);
  for (const failure of failures) log(`  ${failure}`);
  return { counts, failures };

  async function one(kind, run, random) {
    const counted = counts[kind];
    const scratch = path.join(root, 'scratch');
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch);
    // The clock would blame a case for what else the machine has to do.
    const used = process.cpuUsage();
    const open = openFiles();
    const { endings, wrong } = await run(random, scratch);
    const { user, system } = process.cpuUsage(used);
    const seconds = (user + system) / 1e6;
    const left = READ.includes(kind)
      ? openFiles().filter((file) => file.startsWith(scratch) && !open.includes(file))
      : [];
    const complaint =
      wrong ??
      (left.length > 0 ? `${left.join(', ')} is left open` : null) ??
      (seconds > LONGEST ? `took ${seconds.toFixed(0)} s` : null);
    counted.seconds += seconds;
    counted.cases += endings.length;
    for (const ended of endings) counted.exits[ended] = (counted.exits[ended] ?? 0) + 1;
    if (complaint === null) return;
    const kept = path.join(root, 'failures', `${kind}-${counted.cases}`);
    cpSync(scratch, kept, { recursive: true });
    writeFileSync(path.join(kept, 'complaint.txt'), complaint);
    failures.push(`${kind}, case ${counted.cases} (${kept}): ${complaint.slice(0, 500)}`);
    log(failures.at(-1));
  }
}

/** Files that this process has open, where the system tells. */
function openFiles() {
  const folder = '/proc/self/fd';
  return (existsSync(folder) ? readdirSync(folder) : []).flatMap((name) => {
    try {
      return [readlinkSync(path.join(folder, name))];
    } catch {
      // The one by which the folder was read.
      return [];
    }
  });
}

function summary(counts) {
  const parts = Object.entries(counts).map(([kind, { cases, exits, seconds }]) => {
    const ends = Object.entries(exits).map(([exit, times]) => `${exit}: ${times}`);
    return `${kind} ${cases} (${ends.join(', ')}; ${seconds.toFixed(0)} s)`;
  });
  return parts.join('; ');
}
