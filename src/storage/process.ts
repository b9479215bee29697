// Which process of which machine something belongs to, and whether that process still lives: what a lock holds, and what a
// file that is being written is named by.

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { sha256 } from './sha256.js';

export interface ProcessIdentity {
  host: string;
  /** Of the machine's present boot, and of the namespace that numbers its processes; empty where a system has none. */
  boot: string;
  namespace: string;
  pid: number;
  /** When the process began, in the kernel's ticks since boot: a number that is used again begins later. */
  start: string;
}

function tried(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return '';
  }
}

/** State and start of a process, as Linux tells them; null where there is none or nothing can be told. */
function statusOf(pid: number): { state: string; start: string } | null {
  const stat = tried(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === '') return null;
  // The name before it, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, start: fields[19]! };
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  return {
    host: hostname(),
    boot: tried(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    namespace: tried(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    start: statusOf(process.pid)?.start ?? '',
  };
}

/** Of the machine and its numbering of processes: what tells whether a number of a process means anything here. */
export function placeOf({ host, boot, namespace }: Omit<ProcessIdentity, 'pid' | 'start'>): string {
  return sha256(JSON.stringify([host, boot, namespace])).slice(0, 8);
}

/**
 * Whether a process of this place lives. One that has ended and is not yet waited for does not; nor does one whose number
 * another has by now.
 * @param start as {@link ProcessIdentity} has it; empty where that is not known.
 */
export function isAlive(pid: number, start = ''): boolean {
  const status = statusOf(pid);
  if (status !== null) return !['Z', 'X'].includes(status.state) && (start === '' || status.start === start);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
