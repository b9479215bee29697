// The data scripts against a server on this machine: whole, broken, changed and absent.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FetchError, fetchSet, type RawSet, takeSet } from '../../data-scripts/fetch.mjs';
import { download, fetchSafely } from '../../scripts/download.mjs';
import { type Answer, useLocalServer } from '../scripts/local-server.js';

const TEXT = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join(''));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const local = useLocalServer();
let directory: string;
let lines: string[];
const log = (line: string) => void lines.push(line);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sri-fetch-'));
  lines = [];
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A server that knows ranges and sends at most `burst` bytes before the connection breaks. */
function flaky(content: Buffer, burst: number, etag = '"one"'): Answer {
  return ({ headers }, response) => {
    const asked = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    const from = headers['if-range'] === etag ? asked : 0;
    const rest = content.subarray(from);
    const range = from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { etag, 'content-length': rest.length, ...range });
    if (rest.length <= burst) response.end(rest);
    else response.write(rest.subarray(0, burst), () => setTimeout(() => response.destroy(), 20));
  };
}

describe('download', () => {
  it('asks for the rest of what it has, of the same file', async () => {
    const path = join(directory, 'file');
    await writeFile(`${path}.part`, TEXT.subarray(0, 70_000));
    await writeFile(`${path}.part.etag`, '"one"');
    local.answer = flaky(TEXT, Number.POSITIVE_INFINITY);
    await download(`${local.base}/file`, path, log);
    expect(local.requests.map(({ headers }) => [headers.range, headers['if-range']])).toEqual([
      ['bytes=70000-', '"one"'],
    ]);
    expect(await readFile(path)).toEqual(TEXT);
    expect(await readdir(directory)).toEqual(['file']);
  });

  it('gets there over a line that breaks, within a call and over several', async () => {
    local.answer = flaky(TEXT, 40_000);
    const path = join(directory, 'file');
    let calls = 0;
    while (!(await readdir(directory)).includes('file') && calls < 20) {
      calls++;
      await download(`${local.base}/file`, path, log).catch((error) => expect(error).toBeInstanceOf(FetchError));
    }
    expect(await readFile(path)).toEqual(TEXT);
    expect(local.requests.length).toBeGreaterThan(calls);
    const starts = local.requests.map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')![0]));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(starts.at(-1)).toBeGreaterThan(TEXT.length - 40_001);
  });

  it('starts again when the file changed in between', async () => {
    const path = join(directory, 'file');
    local.answer = flaky(TEXT, 40_000, '"old"');
    await expect(download(`${local.base}/file`, path, log)).rejects.toThrow(/broke off/);
    const changed = Buffer.from(TEXT).reverse();
    local.answer = flaky(changed, Number.POSITIVE_INFINITY, '"new"');
    await download(`${local.base}/file`, path, log);
    expect(await readFile(path)).toEqual(changed);
  });

  it('starts again with a server that sends no tag, and so cannot promise the same file', async () => {
    const path = join(directory, 'file');
    await writeFile(`${path}.part`, 'some other bytes');
    local.answer = ({ headers }, response) => {
      expect(headers.range).toBeUndefined();
      response.end(TEXT);
    };
    await download(`${local.base}/file`, path, log);
    expect(await readFile(path)).toEqual(TEXT);
  });

  it.each([
    ['another place', 'bytes 7-199/200'],
    ['no place', undefined],
    ['several places', 'multipart/byteranges'],
    ['a place beyond the end', 'bytes 70000-69999/70000'],
    ['the place asked for, in another file', `bytes 70000-70008/70009`, '"two"'],
  ])('never puts what begins at %s behind what it has', async (_, contentRange, etag = '"one"') => {
    const path = join(directory, 'file');
    await writeFile(`${path}.part`, TEXT.subarray(0, 70_000));
    await writeFile(`${path}.part.etag`, '"one"');
    local.answer = ({ headers }, response) => {
      if (headers.range === undefined) response.end(TEXT);
      else response.writeHead(206, { etag, ...(contentRange && { 'content-range': contentRange }) }).end('elsewhere');
    };
    await download(`${local.base}/file`, path, log);
    expect(await readFile(path)).toEqual(TEXT);
    expect(local.requests.map(({ headers }) => headers.range)).toEqual(['bytes=70000-', undefined]);
  });

  it('asks on where a server sends less of the rest than there is', async () => {
    const path = join(directory, 'file');
    await writeFile(`${path}.part`, TEXT.subarray(0, 70_000));
    await writeFile(`${path}.part.etag`, '"one"');
    local.answer = ({ headers }, response) => {
      const from = Number(/\d+/.exec(headers.range!)![0]);
      const to = Math.min(TEXT.length, from + 70_000);
      response.writeHead(206, { etag: '"one"', 'content-range': `bytes ${from}-${to - 1}/${TEXT.length}` });
      response.end(TEXT.subarray(from, to));
    };
    await download(`${local.base}/file`, path, log);
    expect(await readFile(path)).toEqual(TEXT);
  });

  it('names a refused connection, a missing file and a web page in place of one', async () => {
    const path = join(directory, 'file');
    await expect(download('http://127.0.0.1:9/file', path, log)).rejects.toThrow(
      /127\.0\.0\.1:9.*: (ECONNREFUSED|bad port)/,
    );
    local.answer = (_, response) => response.writeHead(404).end();
    await expect(download(`${local.base}/file`, path, log)).rejects.toThrow(/404 Not Found/);
    local.answer = (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>');
    await expect(download(`${local.base}/file`, path, log)).rejects.toThrow(/web page/);
    expect((await readdir(directory)).includes('file')).toBe(false);
  });
});

describe('a redirect', () => {
  afterEach(() => vi.unstubAllGlobals());
  const answering = (answers: Record<string, string>) => {
    const asked: [string, Record<string, string>][] = [];
    vi.stubGlobal('fetch', async (url: URL, { headers }: { headers: Record<string, string> }) => {
      asked.push([url.href, headers]);
      const location = answers[url.href];
      return location === undefined
        ? new Response('whole')
        : new Response(null, { status: 302, headers: { location } });
    });
    return asked;
  };

  it.each([['http://b.example/x'], ['file:///etc/passwd'], ['data:,x']])(
    'from https to %s is refused',
    async (location) => {
      const asked = answering({ 'https://a.example/x': location });
      await expect(fetchSafely('https://a.example/x')).rejects.toThrow(FetchError);
      expect(asked).toHaveLength(1);
    },
  );

  it('to another host goes without what was meant for the first', async () => {
    const asked = answering({ 'https://a.example/x': '/y', 'https://a.example/y': 'https://b.example/z' });
    const answer = await fetchSafely('https://a.example/x', { headers: { authorization: 'secret', accept: 'a/b' } });
    expect(await answer.text()).toBe('whole');
    expect(asked).toEqual([
      ['https://a.example/x', { authorization: 'secret', accept: 'a/b' }],
      ['https://a.example/y', { authorization: 'secret', accept: 'a/b' }],
      ['https://b.example/z', { accept: 'a/b' }],
    ]);
  });

  it('that leads in a circle ends', async () => {
    answering({ 'https://a.example/x': 'https://a.example/x' });
    await expect(fetchSafely('https://a.example/x')).rejects.toThrow(/without an end/);
  });
});

const contents: Record<string, Buffer> = { 'a.train.txt': TEXT, 'a.valid.txt': Buffer.from('v\n') };

function setOf(sums: 'known' | 'unknown', sources: RawSet['sources']): RawSet {
  const files = Object.fromEntries(
    Object.entries(contents).map(([name, bytes]) => [name, sums === 'known' ? sha256(bytes) : undefined]),
  );
  return { name: 'a', title: 'A', page: 'http://a.example', files, folders: ['a', 'a_data'], sources };
}

const single = () => ({
  files: Object.fromEntries(Object.keys(contents).map((name) => [name, `${local.base}/${name}`])),
});
const serveFiles: Answer = ({ url }, response) => void response.end(contents[url!.slice(1)]);

describe('fetchSet', () => {
  it('takes members from an archive, whatever folder they lie in, and checks them', async () => {
    await mkdir(join(directory, 'made', 'a_data'), { recursive: true });
    for (const [name, bytes] of Object.entries(contents))
      await writeFile(join(directory, 'made', 'a_data', name), bytes);
    const archive = join(directory, 'made.tgz');
    execFileSync('tar', ['-czf', archive, '-C', join(directory, 'made'), './a_data']);
    const bytes = await readFile(archive);
    local.answer = (_, response) => response.end(bytes);
    const out = join(directory, 'out');
    await fetchSet(setOf('known', [{ archive: `${local.base}/made.tgz` }]), out, log);
    expect((await readdir(out)).sort()).toEqual(Object.keys(contents).sort());
    expect(await readFile(join(out, 'a.train.txt'))).toEqual(TEXT);
  });

  it('refuses a link in an archive, and two files of one name', async () => {
    const made = join(directory, 'made');
    await mkdir(join(made, 'a_data'), { recursive: true });
    await writeFile(join(made, 'a_data', 'a.valid.txt'), 'v\n');
    await symlink('/etc/hostname', join(made, 'a_data', 'a.train.txt'));
    const archive = join(directory, 'made.tar');
    const serve = async () => {
      execFileSync('gzip', ['-kf', archive]);
      const bytes = await readFile(`${archive}.gz`);
      local.answer = (_, response) => response.end(bytes);
      return fetchSet(setOf('unknown', [{ archive: `${local.base}/made.tgz` }]), join(directory, 'out'), log);
    };
    execFileSync('tar', ['-cf', archive, '-C', made, 'a_data']);
    await expect(serve()).rejects.toThrow(/a\.train\.txt is no plain file/);
    await rm(join(made, 'a_data', 'a.train.txt'));
    await writeFile(join(made, 'a_data', 'a.train.txt'), TEXT);
    execFileSync('tar', ['-cf', archive, '-C', made, 'a_data']);
    execFileSync('tar', ['-rf', archive, '-C', made, 'a_data/a.train.txt']);
    await expect(serve()).rejects.toThrow(/or there are several/);
    expect(await readdir(join(directory, 'out'))).toEqual([]);
  });

  it.each(['null', '[]', '3', '{"a.train.txt":null}', '{"a.train.txt":{"sha256":"x","origin":"y"}}', '{'])(
    'says which file of sums is none: %s',
    async (content) => {
      await writeFile(join(directory, 'checksums.json'), content);
      local.answer = serveFiles;
      const fetching = fetchSet(setOf('unknown', [single()]), directory, log);
      await expect(fetching).rejects.toThrow(FetchError);
      await expect(fetching).rejects.toThrow(/checksums\.json: /);
    },
  );

  it('asks for nothing where everything is there and passes', async () => {
    local.answer = serveFiles;
    const set = setOf('known', [single()]);
    await fetchSet(set, directory, log);
    const asked = local.requests.length;
    await fetchSet(set, directory, log);
    expect(local.requests).toHaveLength(asked);
    await writeFile(join(directory, 'a.valid.txt'), 'damaged');
    await fetchSet(set, directory, log);
    expect(local.requests.length).toBeGreaterThan(asked);
    expect(await readFile(join(directory, 'a.valid.txt'), 'utf8')).toBe('v\n');
  });

  it('goes to the next source where one fails', async () => {
    local.answer = ({ url }, response) =>
      url === '/made.tgz' ? response.writeHead(503).end() : serveFiles(local.requests.at(-1)!, response);
    await fetchSet(setOf('known', [{ archive: `${local.base}/made.tgz` }, single()]), directory, log);
    expect(await readFile(join(directory, 'a.train.txt'))).toEqual(TEXT);
  });

  it('takes no file with another sum than the published one', async () => {
    local.answer = (_, response) => response.end('forged\n');
    const fetched = fetchSet(setOf('known', [single()]), directory, log);
    await expect(fetched).rejects.toThrow(`SHA-256 ${sha256(Buffer.from('forged\n'))}`);
    await expect(fetched).rejects.toThrow(sha256(TEXT));
    expect(await readdir(directory)).toEqual([]);
  });

  it('records a first fetch on trust, saying so, and holds later ones to it', async () => {
    local.answer = serveFiles;
    const set = setOf('unknown', [single()]);
    await fetchSet(set, directory, log);
    expect(lines.filter((line) => /taken on trust/.test(line))).toHaveLength(2);
    const record = JSON.parse(await readFile(join(directory, 'checksums.json'), 'utf8'));
    expect(record['a.train.txt'].sha256).toBe(sha256(TEXT));

    await rm(join(directory, 'a.train.txt'));
    local.answer = (_, response) => response.end('changed\n');
    await expect(fetchSet(set, directory, log)).rejects.toThrow(/when first taken/);
    expect((await readdir(directory)).sort()).toEqual(['a.valid.txt', 'checksums.json']);
  });

  it('refuses an answer that is no archive, and one that lacks a file', async () => {
    local.answer = (_, response) => response.end('not an archive');
    await expect(fetchSet(setOf('known', [{ archive: `${local.base}/x` }]), directory, log)).rejects.toThrow(
      /not an archive/,
    );
    await writeFile(join(directory, 'other'), '');
    execFileSync('tar', ['-czf', join(directory, 'other.tgz'), '-C', directory, 'other']);
    const bytes = await readFile(join(directory, 'other.tgz'));
    local.answer = (_, response) => response.end(bytes);
    await expect(fetchSet(setOf('known', [{ archive: `${local.base}/x` }]), directory, log)).rejects.toThrow(
      /no a\.train\.txt/,
    );
  });
});

describe('takeSet', () => {
  it('takes files from a known folder inside, and checks them like fetched ones', async () => {
    const from = join(directory, 'from');
    await mkdir(join(from, 'a_data'), { recursive: true });
    for (const [name, bytes] of Object.entries(contents)) await writeFile(join(from, 'a_data', name), bytes);
    const out = join(directory, 'out');
    await takeSet(setOf('known', []), from, out, log);
    expect(await readFile(join(out, 'a.train.txt'))).toEqual(TEXT);
    await writeFile(join(from, 'a_data', 'a.valid.txt'), 'a part');
    await expect(takeSet(setOf('known', []), from, out, log)).rejects.toThrow(/published file/);
    expect(await readFile(join(out, 'a.valid.txt'), 'utf8')).toBe('v\n');
  });

  it('lists where it looked', async () => {
    await expect(takeSet(setOf('known', []), directory, directory, log)).rejects.toThrow(join(directory, 'a_data'));
  });
});

describe('a script', () => {
  const run = (...options: string[]) =>
    spawnSync(process.execPath, ['data-scripts/ptb.mjs', ...options], { encoding: 'utf8' });

  it('ends with 1 and says what was looked for where there are no files', () => {
    const { status, stderr } = run('--from', directory, '--out', join(directory, 'out'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^ptb: ptb\.train\.txt/);
    expect(stderr).not.toMatch(/ at /);
  });

  it('ends with 2 for a wrong option', () => {
    const { status, stderr } = run('--form', directory);
    expect(status).toBe(2);
    expect(stderr).toMatch(/--form[\s\S]*usage:/);
  });
});
