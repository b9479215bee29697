import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { Lock, LockedError } from '../../src/storage/lock.js';
import { isAlive, thisProcess } from '../../src/storage/process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-lock-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = path.join(root, 'training.lock');
beforeEach(() => rmSync(file, { force: true, recursive: true }));

/** A lock as a process would have left it. @param age of its last sign of life, seconds. */
function leave(change: object, age = 0): void {
  writeFileSync(file, JSON.stringify({ ...thisProcess(), token: 'theirs', ...change }));
  const then = Date.now() / 1000 - age;
  utimesSync(file, then, then);
}

describe('a lock', () => {
  it('is named where a folder lies in its place', () => {
    mkdirSync(file);
    for (const ask of [() => Lock.take(file), () => Lock.isHeld(file)]) {
      expect(ask).toThrow(expect.objectContaining({ code: 'EISDIR', path: file }));
    }
    expect(readdirSync(root)).toEqual(['training.lock']);
  });

  it('is had by one at a time, and leaves nothing behind', () => {
    const lock = Lock.take(file);
    expect(() => Lock.take(file)).toThrow(LockedError);
    expect(() => Lock.take(file)).toThrow(`held by process ${process.pid}`);
    lock.check();
    lock.release();
    expect(readdirSync(root)).toEqual([]);
    Lock.take(file).release();
  });

  it('is rid of what processes left that died while they took it', () => {
    const lock = Lock.take(file);
    const dead = JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), pid: 4194305, token: 'aaaaaaaaaaaa' });
    const living = readFileSync(file, 'utf8');
    lock.release();
    for (const name of ['aaaaaaaaaaaa', 'bbbbbbbbbbbb.dead']) writeFileSync(`${file}.${name}`, dead);
    writeFileSync(`${file}.cccccccccccc`, living);
    writeFileSync(`${file}.note`, 'mine');
    Lock.take(file).release();
    const beside = readdirSync(path.dirname(file)).filter((name) => name.startsWith('training.lock'));
    expect(beside.sort()).toEqual(['training.lock.cccccccccccc', 'training.lock.note']);
    for (const name of beside) rmSync(path.join(path.dirname(file), name));
  });

  it('is removed where its holder is dead, and else stays', () => {
    leave({ pid: 4194305 });
    Lock.forgetDead(file);
    expect(existsSync(file)).toBe(false);
    const lock = Lock.take(file);
    Lock.forgetDead(file);
    expect(Lock.isHeld(file)).toBe(true);
    lock.release();
  });

  it('is taken from a process that is no more, whose number is another by now, or that is a zombie', async () => {
    leave({ pid: 4194305 });
    Lock.take(file).release();
    leave({ start: '1' });
    if (process.platform === 'linux') {
      Lock.take(file).release();
      // What a shell becomes never waits for the shell's child: that one ends, and stays in the table of processes.
      const parent = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
      const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
      const dead = () => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z');
      for (let i = 0; i < 1000 && !dead(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(dead()).toBe(true);
      expect(isAlive(pid)).toBe(false);
      leave({ pid, start: '' });
      Lock.take(file).release();
      parent.kill();
    }
  });

  it.each([
    ['another machine', { host: 'elsewhere', boot: 'b' }, /process \d+ on elsewhere/],
    ['another container', { namespace: 'pid:[1]' }, /process \d+ of another container/],
  ])('is held by a process of %s for as long as that gives signs of life', (_, place, words) => {
    // Its number says nothing here, whether a process of ours has it or not.
    for (const pid of [process.pid, 4194305]) {
      leave({ ...place, pid }, 60);
      expect(() => Lock.take(file)).toThrow(words);
      leave({ ...place, pid }, 600);
      Lock.take(file).release();
    }
  });

  it('knows when it was lost, and takes nothing from whoever has it then', () => {
    const lock = Lock.take(file);
    leave({});
    expect(() => lock.check()).toThrow(LockedError);
    lock.release();
    expect(readFileSync(file, 'utf8')).toContain('theirs');
  });
});
