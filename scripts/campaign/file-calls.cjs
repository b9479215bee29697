// Between a command and the file system: counts the calls that change files, and at the n-th of them lets the command die as
// if by SIGKILL, or its disk fill up or break, or a signal come. The same command makes about the same calls, so n is a place.
//
// A command that is a process of its own has this loaded before anything else (node --require) and is told by its
// environment; one that runs in the campaign's process is told by `begin`, dies in that nothing it does changes a file any
// more, and has a process number of its own, which is nobody's once it is over.
//
//   SRI_CAMPAIGN_COUNT=FILE      write the number of calls to FILE at the end
//   SRI_CAMPAIGN_BEFALL=n:WHAT   kill: die before the n-th call; tear: die after half of what a write was to write; ENOSPC,
//                                EIO: the n-th call, and all after it, fail so

const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

const CHANGING = [
  'open',
  'write',
  'writev',
  'writeFile',
  'appendFile',
  'fsync',
  'fdatasync',
  'rename',
  'unlink',
  'rm',
  'mkdir',
  'truncate',
  'ftruncate',
  'copyFile',
  'link',
  'symlink',
  'rmdir',
  'utimes',
];
// What a handle of fs.promises does.
const OF_HANDLE = ['write', 'writev', 'writeFile', 'appendFile', 'sync', 'datasync', 'truncate'];
const { writeSync } = fs;

/** What is to befall the command at which call, and whether it has; null where nothing runs that is to be counted. */
let life = null;

/**
 * A command begins in this process.
 * @param at the call, from 1; Infinity where nothing is to befall it.
 * @param what kill, tear, an error's code, or the function to call there.
 * @param pid the process that it takes itself for.
 */
function begin({ at = Number.POSITIVE_INFINITY, what = 'kill', pid }) {
  life = { at, what, calls: 0, dead: false, pid: process.pid };
  Object.defineProperty(process, 'pid', { value: pid, configurable: true });
}

/** It is over. Returns the calls that it made, and whether it had died before its end. */
function end() {
  const { calls, dead, pid } = life;
  Object.defineProperty(process, 'pid', { value: pid, configurable: true });
  life = null;
  return { calls, dead };
}

/** Counts a call, and does to it what is due; returns an error where the call is to fail. */
function due(name, args) {
  if (life === null) return null;
  // Standard output and standard error are no files.
  if (/^f?write|^fsync|^fdatasync|^ftruncate/.test(name) && typeof args[0] === 'number' && args[0] <= 2) return null;
  // Opening to read changes nothing.
  if (name === 'open' && (args[1] === undefined || args[1] === 'r' || args[1] === 0)) return null;
  if (life.dead) return failure('EROFS', 'the dead write nothing', name, args);
  life.calls++;
  const { what, calls, at } = life;
  if (typeof what === 'function') {
    if (calls === at) what();
    return null;
  }
  if (calls < at) return null;
  if (what === 'kill' || what === 'tear') {
    const [file, data] = args;
    if (what === 'tear' && name === 'write' && typeof file === 'number' && ArrayBuffer.isView(data)) {
      writeSync(file, data, 0, Math.floor(data.byteLength / 2));
    }
    life.dead = true;
    life.die?.();
    return failure('EROFS', 'the dead write nothing', name, args);
  }
  // What is taken away makes room and needs none.
  if (name === 'unlink' || name === 'rm' || name === 'rmdir') return null;
  return failure(what, what === 'ENOSPC' ? 'no space left on device' : 'i/o error', name, args);
}

function failure(code, words, name, args) {
  const path = typeof args[0] === 'string' ? args[0] : undefined;
  return Object.assign(new Error(`${code}: ${words}, ${name}`), { code, syscall: name, ...(path && { path }) });
}

for (const name of CHANGING) {
  const sync = fs[`${name}Sync`];
  if (sync !== undefined) {
    fs[`${name}Sync`] = (...args) => {
      const error = due(name, args);
      if (error !== null) throw error;
      return sync(...args);
    };
  }
  const promised = fs.promises[name];
  if (promised === undefined) continue;
  fs.promises[name] = async (...args) => {
    const error = due(name, args);
    if (error !== null) throw error;
    const result = await promised(...args);
    if (name === 'open') watch(result);
    return result;
  };
}

function watch(handle) {
  for (const name of OF_HANDLE) {
    const method = handle[name].bind(handle);
    handle[name] = async (...args) => {
      const error = due(name, [handle.fd, ...args]);
      if (error !== null) throw error;
      return method(...args);
    };
  }
}

syncBuiltinESMExports();

const { SRI_CAMPAIGN_COUNT: count, SRI_CAMPAIGN_BEFALL: befall } = process.env;
if (befall) {
  const [at, what] = befall.split(':');
  life = { at: Number(at), what, calls: 0, dead: false, die: () => process.kill(process.pid, 'SIGKILL') };
}
if (count) {
  life = { at: Number.POSITIVE_INFINITY, what: 'kill', calls: 0, dead: false };
  process.on('exit', () => writeSync(fs.openSync(count, 'w'), String(life.calls)));
}

module.exports = { begin, end };
