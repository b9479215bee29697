// Loaded into a command before anything else (node --require): counts its calls that change files, and at the n-th of them
// dies as if by SIGKILL, or fails as a full or broken disk does. The same command makes the same calls, so n is a place.
//
//   SRI_CAMPAIGN_COUNT=FILE   write the number of calls to FILE at the end
//   SRI_CAMPAIGN_KILL=n       die before the n-th call; n.5: after half of what a write was to write
//   SRI_CAMPAIGN_FAIL=n:CODE  the n-th call, and all after it, fail with ENOSPC or EIO

const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

const kill = Number(process.env.SRI_CAMPAIGN_KILL ?? Number.NaN);
const [failAt, code] = (process.env.SRI_CAMPAIGN_FAIL ?? ':').split(':');
const fail = failAt === '' ? Number.NaN : Number(failAt);
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
];
// What a handle of fs.promises does.
const OF_HANDLE = ['write', 'writev', 'writeFile', 'appendFile', 'sync', 'datasync', 'truncate'];
const { writeSync, kill: signal } = { writeSync: fs.writeSync, kill: process.kill.bind(process) };

let calls = 0;

/** Counts a call, and does to it what is due; returns an error where the call is to fail. */
function due(name, args) {
  // Standard output and standard error are no files.
  if (/^f?write|^fsync|^fdatasync|^ftruncate/.test(name) && typeof args[0] === 'number' && args[0] <= 2) return null;
  // Opening to read changes nothing.
  if (name === 'open' && (args[1] === undefined || args[1] === 'r' || args[1] === 0)) return null;
  calls++;
  if (calls >= kill && kill === Math.floor(kill)) signal(process.pid, 'SIGKILL');
  if (calls >= Math.floor(kill) && kill !== Math.floor(kill)) {
    const [file, data] = args;
    if (name === 'write' && typeof file === 'number' && ArrayBuffer.isView(data)) {
      writeSync(file, data, 0, Math.floor(data.byteLength / 2));
    }
    signal(process.pid, 'SIGKILL');
  }
  if (!(calls >= fail)) return null;
  // What is taken away makes room and needs none.
  if (name === 'unlink' || name === 'rm' || name === 'rmdir') return null;
  const path = typeof args[0] === 'string' ? args[0] : undefined;
  const words = code === 'ENOSPC' ? 'no space left on device' : 'i/o error';
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

if (process.env.SRI_CAMPAIGN_COUNT) {
  process.on('exit', () => {
    const file = fs.openSync(process.env.SRI_CAMPAIGN_COUNT, 'w');
    writeSync(file, String(calls));
  });
}
