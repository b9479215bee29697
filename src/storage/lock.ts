// A file that one process at a time may have: created exclusively, it names its holder, and the holder touches it while it
// lives. On one machine the kernel says whether the holder lives; between machines that share a folder, or process numbers
// that mean nothing to each other, its heartbeat does.

import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { naming } from './file-error.js';
import { isAlive, type ProcessIdentity, placeOf, thisProcess } from './process.js';

/** Seconds between two signs of life, and without one after which a holder elsewhere counts as dead. */
const BEAT = 10;
const DEAD = 180;

/** What is behind a lock's name in that of a file by which a process takes it. */
const TAKER = /\.[0-9a-f]{12}(\.dead)?$/;

const holderSchema = z.object({
  host: z.string(),
  boot: z.string(),
  namespace: z.string(),
  pid: z.int(),
  start: z.string(),
  token: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/** Somebody else has the lock. */
export class LockedError extends Error {
  override readonly name = 'LockedError';

  /** @param holder in words: `process 17`, `process 17 on another machine`. */
  constructor(
    readonly file: string,
    readonly holder: string,
  ) {
    super(`${file}: held by ${holder}`);
  }
}

export class Lock {
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly file: string,
    private readonly token: string,
  ) {
    this.timer = setInterval(() => this.beat(), BEAT * 1000).unref();
  }

  /**
   * Takes the lock at `file`, whose folder must exist, from nobody or from a holder that is dead.
   * @throws {LockedError} where a living process has it.
   */
  static take(file: string): Lock {
    const token = randomBytes(6).toString('hex');
    const own: Holder = { ...thisProcess(), token };
    const mine = `${file}.${token}`;
    try {
      // Whoever loses a race for a dead holder's lock looks again.
      for (let attempt = 0; attempt < 100; attempt++) {
        naming(file, () => writeFileSync(mine, JSON.stringify(own)));
        if (create(mine, file)) {
          forgetTakers(file, own);
          return new Lock(file, token);
        }
        const found = readHolder(file);
        if (found === 'gone') continue;
        if (livingHolder(found, own, statSync(mine).mtimeMs)) throw new LockedError(file, describe(found.holder, own));
        removeDead(file, found.text, `${mine}.dead`);
      }
      throw new LockedError(file, 'processes that take it in turn');
    } finally {
      rmSync(mine, { force: true });
    }
  }

  /** Whether a living process has the lock, as far as one can tell without writing: elsewhere, by this machine's clock. */
  static isHeld(file: string): boolean {
    const found = readHolder(file);
    return found !== 'gone' && livingHolder(found, thisProcess(), Date.now());
  }

  /** Removes a lock whose holder is dead; one that a living process has stays. */
  static forgetDead(file: string): void {
    try {
      Lock.take(file).release();
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
    }
  }

  /** @throws {LockedError} where another has taken the lock, as of a process that was stopped for long. */
  check(): void {
    const found = readHolder(this.file);
    if (found !== 'gone' && found.holder?.token === this.token) return;
    throw new LockedError(this.file, found === 'gone' ? 'nobody any more' : describe(found.holder, thisProcess()));
  }

  release(): void {
    clearInterval(this.timer);
    const found = readHolder(this.file);
    if (found !== 'gone' && found.holder?.token === this.token) rmSync(this.file, { force: true });
  }

  private beat(): void {
    try {
      this.check();
      // Written anew, so that the time is the file system's own: this machine's clock may be another.
      writeFileSync(this.file, readFileSync(this.file), { flag: 'r+' });
    } catch {
      // Who works under the lock asks for it before he writes what matters.
    }
  }
}

interface Found {
  text: string;
  /** Null of a file that another version wrote, or that is no holder's. */
  holder: Holder | null;
  /** When it last gave a sign of life, by the file system's clock, in ms. */
  touched: number;
}

function readHolder(file: string): Found | 'gone' {
  try {
    const text = naming(file, () => readFileSync(file, 'utf8'));
    return { text, holder: parseHolder(text), touched: statSync(file).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
}

function parseHolder(text: string): Holder | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** @param now by the file system's clock, as far as it is known, in ms. */
function livingHolder({ holder, touched }: Found, own: ProcessIdentity, now: number): boolean {
  if (holder !== null && placeOf(holder) === placeOf(own)) return isAlive(holder.pid, holder.start);
  return now - touched < DEAD * 1000;
}

function describe(holder: Holder | null, own: ProcessIdentity): string {
  if (holder === null) return 'a process that does not say which';
  if (holder.host !== own.host) return `process ${holder.pid} on ${holder.host}`;
  return placeOf(holder) === placeOf(own) ? `process ${holder.pid}` : `process ${holder.pid} of another container`;
}

/** Gives `mine` the name `file` as well, with its content, if nobody has it. */
function create(mine: string, file: string): boolean {
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error;
  }
  // A file system without links.
  try {
    writeFileSync(file, readFileSync(mine), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes what processes left beside a lock that died while they took it. To be called under the lock. */
function forgetTakers(file: string, own: Holder): void {
  for (const name of readdirSync(path.dirname(file))) {
    if (!name.startsWith(`${path.basename(file)}.`) || !TAKER.test(name) || name.includes(own.token)) continue;
    const beside = path.join(path.dirname(file), name);
    const found = readHolder(beside);
    if (found !== 'gone' && !livingHolder(found, own, Date.now())) rmSync(beside, { force: true });
  }
}

/** Takes a dead holder's file away, and not that of one who took it away first: that one is put back. */
function removeDead(file: string, text: string, aside: string): void {
  try {
    renameSync(file, aside);
    if (readFileSync(aside, 'utf8') !== text) create(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}
