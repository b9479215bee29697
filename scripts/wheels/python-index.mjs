// What a Python package index offers, and which of its wheels fit. An index is a page of links for each project, in
// HTML (PEP 503) or JSON (PEP 691); a wheel's file name says for which version, interpreter and machine it is (PEP
// 427).

import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FetchError, fetchSafely, reasonOf } from '../download.mjs';
import { SetupError } from './errors.mjs';

/** The library is the same in the wheels of every CPython; one has to be named first. */
const PREFERRED_PYTHON = 'cp311';

/**
 * The index that pip would ask: PIP_INDEX_URL, else `index-url` of pip's configuration files, the last of them that has
 * it, else PyPI's.
 */
export async function pipIndexUrl(env, home) {
  if (env.PIP_INDEX_URL) return env.PIP_INDEX_URL;
  const files = [
    '/etc/xdg/pip/pip.conf',
    '/etc/pip.conf',
    join(home, '.pip', 'pip.conf'),
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'pip', 'pip.conf'),
    ...(env.VIRTUAL_ENV ? [join(env.VIRTUAL_ENV, 'pip.conf')] : []),
    ...(env.PIP_CONFIG_FILE ? [env.PIP_CONFIG_FILE] : []),
  ];
  let index = 'https://pypi.org/simple';
  for (const file of files) {
    const sections = (await readFile(file, 'utf8').catch(() => '')).split(/^\[/m);
    const global = sections.find((section) => section.startsWith('global]')) ?? '';
    index = /^index[-_]url\s*[=:]\s*(\S+)/m.exec(global)?.[1] ?? index;
  }
  return index;
}

/**
 * The wheels of a project, each {filename, url, sha256, headers}, sha256 undefined where none is published. `source` is
 * {index: URL}, whose user and password go into a header, or {folder: path}.
 */
export async function listWheels(project, source) {
  if (source.folder !== undefined) {
    const names = await readdir(source.folder).catch((error) => {
      throw new SetupError(`${source.folder}: ${error.code}`);
    });
    return names
      .filter((name) => name.endsWith('.whl') && normalized(name.split('-')[0]) === normalized(project))
      .map((filename) => ({ filename, url: pathToFileURL(resolve(source.folder, filename)).href, headers: {} }));
  }
  const page = new URL(`${source.index.replace(/\/*$/, '')}/${project}/`);
  const headers = authorization(page);
  page.username = '';
  page.password = '';
  let response;
  let body;
  try {
    const accept = 'application/vnd.pypi.simple.v1+json, text/html;q=0.1';
    response = await fetchSafely(page, { headers: { ...headers, accept }, signal: AbortSignal.timeout(60_000) });
    body = await response.text();
  } catch (error) {
    throw new FetchError(`${page.href}: ${reasonOf(error)}${hint(reasonOf(error))}`);
  }
  if (!response.ok) throw new FetchError(`${page.href}: the index answers ${response.status} ${response.statusText}`);
  const links = parseIndexPage(body, response.headers.get('content-type') ?? '', response.url);
  return links.map((link) => ({ ...link, headers: new URL(link.url).origin === page.origin ? headers : {} }));
}

/** The files that an index's page lists and has not yanked, each {filename, url, sha256}. */
export function parseIndexPage(body, contentType, pageUrl) {
  if (contentType.includes('json')) {
    return JSON.parse(body)
      .files.filter((file) => !file.yanked)
      .map((file) => ({
        filename: file.filename,
        url: new URL(file.url, pageUrl).href,
        sha256: file.hashes?.sha256,
      }));
  }
  const files = [];
  for (const [, attributes, text] of body.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)) {
    const href = /\bhref\s*=\s*["']([^"']*)["']/i.exec(attributes)?.[1];
    if (href === undefined || /\bdata-yanked\b/i.test(attributes)) continue;
    const url = new URL(href.replaceAll('&amp;', '&'), pageUrl);
    const sha256 = /^#sha256=([0-9a-f]{64})$/.exec(url.hash)?.[1];
    url.hash = '';
    files.push({ filename: text.trim(), url: url.href, sha256 });
  }
  return files;
}

/**
 * The newest of `wheels` for `machine`, {platform, arch, glibc} as Node names them, whose version meets all of
 * `specifiers`, each {operator, version} with operator ==, !=, <, <=, > or >=; on Linux, one whose machine code needs no
 * newer glibc. Pre-releases are left aside. Returns the wheel with its `version`. Throws SetupError where none fits.
 */
export function chooseWheel(wheels, specifiers, machine, project) {
  const fitting = [];
  for (const wheel of wheels) {
    const name = /^[^-]+-(\d+(?:\.\d+)*)(?:-\d\w*)?-([^-]+)-[^-]+-([^-]+)\.whl$/.exec(wheel.filename);
    if (name === null) continue;
    const [, version, python, platforms] = name;
    if (!specifiers.every((specifier) => satisfies(version, specifier))) continue;
    if (platforms.split('.').some((tag) => runsOn(tag, machine))) fitting.push({ ...wheel, version, python });
  }
  const rank = ({ python }) => (python === PREFERRED_PYTHON ? 1 : 0);
  fitting.sort((a, b) => compareVersions(b.version, a.version) || rank(b) - rank(a));
  if (fitting.length > 0) return fitting[0];
  const wanted = specifiers.map(({ operator, version }) => `${operator}${version}`).join(',');
  throw new SetupError(
    `no wheel of ${project} ${wanted} for ${machineName(machine)} among the ${wheels.length} files there`,
  );
}

/** What a wheel's METADATA names for `extra`, each {project, specifiers}. */
export function requirementsOf(metadata, extra) {
  const requirements = [];
  for (const [, requirement, marker] of metadata.matchAll(/^Requires-Dist: ([^;\r\n]*);([^\r\n]*)/gm)) {
    if (!new RegExp(`extra == ['"]${extra}['"]`).test(marker)) continue;
    const [, project, range] = /^([\w.-]+)\s*(.*)$/.exec(requirement.trim());
    const specifiers = [...range.matchAll(/(==|!=|<=|>=|<|>)\s*([\d.]+)/g)];
    requirements.push({ project, specifiers: specifiers.map(([, operator, version]) => ({ operator, version })) });
  }
  return requirements;
}

/** Negative, zero or positive as version `a` of numbers and dots is older than, the same as or newer than `b`. */
function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function satisfies(version, specifier) {
  const order = compareVersions(version, specifier.version);
  switch (specifier.operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    default:
      return order >= 0;
  }
}

/** Processors as wheels name them. */
const PROCESSORS = { linux: { x64: 'x86_64', arm64: 'aarch64' }, darwin: { x64: 'x86_64', arm64: 'arm64' } };

/** Whether a platform tag is of this kind of machine: on Linux with a glibc that is old enough (PEP 600 and before it). */
function runsOn(tag, { platform, arch, glibc }) {
  const processor = PROCESSORS[platform]?.[arch];
  if (platform === 'darwin')
    return tag.startsWith('macosx_') && (tag.endsWith(`_${processor}`) || tag.endsWith('_universal2'));
  if (processor === undefined || !tag.endsWith(`_${processor}`)) return false;
  const name = tag.slice(0, -processor.length - 1);
  const named = { manylinux1: '2.5', manylinux2010: '2.12', manylinux2014: '2.17' }[name];
  const numbered = /^manylinux_(\d+)_(\d+)$/.exec(name);
  const needed = named ?? (numbered && `${numbered[1]}.${numbered[2]}`);
  return needed !== null && compareVersions(needed, glibc) <= 0;
}

function machineName({ platform, arch, glibc }) {
  return platform === 'linux' ? `Linux, ${arch}, glibc ${glibc}` : `${platform}, ${arch}`;
}

/** A project's name as indexes compare it (PEP 503), in the form that wheels' file names have. */
function normalized(name) {
  return name.toLowerCase().replace(/[-_.]+/g, '_');
}

/** fetch refuses an address with a password in it, where pip takes one. */
function authorization(url) {
  if (url.username === '') return {};
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
}

/** What would help against a failure to reach the index. */
function hint(reason) {
  if (/CERT|ISSUER|SELF_SIGNED|VERIFY/i.test(reason))
    return (
      '. Node does not know who signed this server; if your system does, set ' +
      'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt (or the file that PIP_CERT names) and run this again'
    );
  return (
    ". Is there a mirror? Set PIP_INDEX_URL or give --index. Node's fetch heeds HTTPS_PROXY from Node 24 on, with " +
    'NODE_USE_ENV_PROXY=1. Or fetch the wheels with pip download and give --from'
  );
}
