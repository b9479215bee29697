// What the scripts of this folder share: a set's raw files, fetched from where their makers put them, or taken from
// a folder; checked either way. A transfer that breaks goes on where it stopped when the script is run again. What a set is
// made of is for its definition in src/data/sets/ to say, so the program must have been built.

import { execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { access, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs, promisify } from 'node:util';
import { download, FetchError, sum } from '../scripts/download.mjs';

export { FetchError };

/** Sums of files whose original could not be summed beforehand, as they were on the first fetch. */
const RECORD = 'checksums.json';

/** Runs the script of a known set: reads its options, does the work, and ends with 0, 1 (no files) or 2 (wrong use). */
export async function runScript(name) {
  const set = await knownSet(name).catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    process.stderr.write(`${name}: the program is not built, or its packages are missing: ${error.message}\n`);
    process.exitCode = 1;
  });
  if (set !== undefined) await main(set);
}

/** What there is to fetch of a known set. */
export async function knownSet(name) {
  const { findDataSet } = await import('../dist/data/registry.js');
  const { title, page, files, sums, folders, sources, write } = findDataSet(name);
  const splits = Object.keys(files);
  return {
    name,
    title,
    page,
    files: Object.fromEntries(splits.map((split) => [files[split], sums[split]])),
    folders,
    sources: sources.map((source) =>
      source.files ? { files: Object.fromEntries(splits.map((split) => [files[split], source.files[split]])) } : source,
    ),
    make:
      write &&
      (async (out, log) => {
        for (const path of Object.values(await write(out))) log(`wrote ${path}`);
      }),
  };
}

async function main(set) {
  const usage =
    `usage: node data-scripts/${set.name}.mjs [--from DIR] [--out DIR]\n` +
    `  ${set.title}\n` +
    `  --from DIR  take the raw files from a folder, without a network\n` +
    `  --out DIR   where they go (data/raw/${set.name})\n`;
  let options;
  try {
    const spec = { from: { type: 'string' }, out: { type: 'string' }, help: { type: 'boolean', short: 'h' } };
    options = parseArgs({ options: spec }).values;
  } catch (error) {
    process.stderr.write(`${error.message}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (options.help) {
    process.stdout.write(usage);
    return;
  }
  const out = options.out ?? join('data', 'raw', set.name);
  const log = (line) => process.stdout.write(`${line}\n`);
  try {
    if (options.from !== undefined) await takeSet(set, options.from, out, log);
    else if (set.make) await set.make(out, log);
    else await fetchSet(set, out, log);
    log(`${set.name}: ready in ${out}; next: sri prepare --config ${set.name}.yaml --from ${out}`);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    process.stderr.write(`${set.name}: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/**
 * Brings a set's files to `out` from the first of its sources that answers. Files that are there already and pass
 * their check are left alone. Throws FetchError where no source works, or a file is not what it should be.
 */
export async function fetchSet(set, out, log) {
  await mkdir(out, { recursive: true });
  const record = await readRecord(out);
  if (await complete(set, out, record)) {
    log(`${set.name}: all files are in ${out}, checked`);
    return;
  }
  const failures = [];
  for (const source of set.sources) {
    try {
      await fetchSource(set, source, out, record, log);
      return;
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      failures.push(error.message);
    }
  }
  const names = Object.keys(set.files).join(', ');
  throw new FetchError(
    `could not be fetched:\n${failures.map((failure) => `  ${failure}`).join('\n')}\n` +
      `Run this again to go on where it stopped. Without a network, get ${names} by other means ` +
      `(${set.page}) and run: node data-scripts/${set.name}.mjs --from DIR`,
  );
}

/** Copies a set's files from `from`, or a folder of it that carries a known name, to `out`, checked. */
export async function takeSet(set, from, out, log) {
  const names = Object.keys(set.files);
  const candidates = [from, ...set.folders.map((folder) => join(from, folder))];
  for (const folder of candidates) {
    const found = await Promise.all(names.map((name) => exists(join(folder, name))));
    if (!found.every(Boolean)) continue;
    await mkdir(out, { recursive: true });
    const record = await readRecord(out);
    for (const name of names) {
      const temporary = join(out, `${name}.new`);
      await copyFile(join(folder, name), temporary);
      await accept(set, name, temporary, out, record, join(folder, name), log);
    }
    return;
  }
  throw new FetchError(`${names.join(', ')} are not all in one of: ${candidates.join(', ')}`);
}

async function fetchSource(set, source, out, record, log) {
  if (source.files) {
    for (const [name, url] of Object.entries(source.files)) {
      await download(url, join(out, `${name}.new`), log);
      await accept(set, name, join(out, `${name}.new`), out, record, url, log);
    }
    return;
  }
  const archive = join(out, 'archive.tar.gz');
  await download(source.archive, archive, log);
  try {
    const listed = await membersOf(archive, source.archive);
    for (const name of Object.keys(set.files)) {
      const member = listed.find((path) => path === name || path.endsWith(`/${name}`));
      if (member === undefined) throw new FetchError(`${source.archive}: has no ${name}`);
      await extract(archive, member, join(out, `${name}.new`));
      await accept(set, name, join(out, `${name}.new`), out, record, source.archive, log);
    }
  } finally {
    for (const name of Object.keys(set.files)) await rm(join(out, `${name}.new`), { force: true });
    await rm(archive, { force: true });
  }
}

/** Paths in an archive. Throws FetchError, by the address it is from, where it is none. */
async function membersOf(archive, address) {
  try {
    return (await promisify(execFile)('tar', ['-tzf', archive], { maxBuffer: 1 << 24 })).stdout.split('\n');
  } catch (error) {
    throw new FetchError(`${address}: not an archive that tar reads (${error.message.trim().split('\n').at(-1)})`);
  }
}

/**
 * One member of an archive, by the system's tar, to a file. Throws FetchError where it is no plain file: a link, which
 * would come out empty, or stand for a file of this machine, or several of one name, of which nobody knows which is meant.
 */
async function extract(archive, member, path) {
  const { stdout } = await promisify(execFile)('tar', ['-tvzf', archive, '--', member], { maxBuffer: 1 << 24 });
  const entries = stdout.trimEnd().split('\n');
  if (entries.length !== 1 || !entries[0].startsWith('-'))
    throw new FetchError(`${archive}: ${member} is no plain file, or there are several; not taken`);
  const tar = spawn('tar', ['-xzOf', archive, '--', member], { stdio: ['ignore', 'pipe', 'ignore'] });
  const status = new Promise((settle, fail) => tar.on('error', fail).on('close', settle));
  await pipeline(tar.stdout, createWriteStream(path));
  if ((await status) !== 0) throw new FetchError(`${archive}: tar could not take out ${member}`);
}

/**
 * Gives a file its name in `out` if its SHA-256 is the one the set is known by, or, where none is known, the one
 * it had on the first fetch. A first fetch is taken on trust and recorded, and says so.
 */
async function accept(set, name, temporary, out, record, origin, log) {
  const sha256 = await sum(temporary);
  const known = set.files[name];
  const expected = known ?? record[name]?.sha256;
  if (expected !== undefined && sha256 !== expected) {
    await rm(temporary);
    const rule = known
      ? `the published file has ${expected}`
      : `it had ${expected} when first taken, from ${record[name].origin}; to trust this one, delete ${join(out, RECORD)}`;
    throw new FetchError(`${name} from ${origin} has SHA-256 ${sha256}, and ${rule}; not taken`);
  }
  await rename(temporary, join(out, name));
  if (expected === undefined) {
    record[name] = { sha256, origin, first: new Date().toISOString() };
    await writeFile(join(out, RECORD), `${JSON.stringify(record, null, 2)}\n`);
    log(`${name}: no checksum was published; taken on trust and recorded: ${sha256}`);
  } else {
    log(`${name}: checked, SHA-256 ${sha256}`);
  }
}

async function complete(set, out, record) {
  for (const [name, known] of Object.entries(set.files)) {
    const expected = known ?? record[name]?.sha256;
    const path = join(out, name);
    if (expected === undefined || !(await exists(path)) || (await sum(path)) !== expected) return false;
  }
  return true;
}

async function readRecord(out) {
  const path = join(out, RECORD);
  if (!(await exists(path))) return {};
  let record;
  try {
    record = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new FetchError(`${path}: not JSON (${error.message}); delete it to trust the next fetch`);
  }
  if (!isObject(record)) throw new FetchError(`${path}: not an object of sums; delete it to trust the next fetch`);
  for (const [name, entry] of Object.entries(record)) {
    if (!isObject(entry) || !/^[0-9a-f]{64}$/.test(entry.sha256) || typeof entry.origin !== 'string')
      throw new FetchError(`${path}: ${name} has no sha256 and origin; delete it to trust the next fetch`);
  }
  return record;
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
