// The machine a command computes on: its backend, started; how fast it can be at most; and what a manifest says of it.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { type Backend, useBackend } from '../backends/index.js';
import { NativeBackend } from '../backends/native/backend.js';
import { describeBackend } from '../backends/started.js';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { Manifest } from '../runs/run-folder.js';
import { packageVersion } from '../version.js';

/**
 * Starts the backend that a run asks for.
 * @throws {InputError} where it does not work here.
 */
export async function startMachine({ backend, threads }: Pick<RunConfig, 'backend' | 'threads'>): Promise<Backend> {
  return useBackend(backend, threads);
}

/**
 * Checks, before anything is learned, that the backend in use can compute in the precision that a run asks for.
 * @throws {InputError} where it cannot.
 */
export function checkPrecision({ precision }: Pick<RunConfig, 'precision'>): void {
  if (precision === 'f32') return;
  const backend = tf.backend();
  if (backend instanceof NativeBackend && backend.addon.info().bf16) return;
  const lacking = backend instanceof NativeBackend ? 'this processor' : `the ${tf.getBackend()} backend`;
  throw new InputError(
    `precision: bf16 will not do here: ${lacking} has no bf16 products. They need the native backend and a processor ` +
      'with avx512_bf16 or amx_bf16 (see sri doctor); precision: f32 works everywhere',
  );
}

/** What the manifest of a run says of where it was trained. */
export function provenance(
  backend: Backend,
): Pick<Manifest, 'version' | 'commit' | 'node' | 'backend' | 'backendDetails' | 'threads'> {
  return {
    version: packageVersion(),
    commit: sourceCommit(),
    node: process.version,
    backend: backend.name,
    backendDetails: describeBackend(backend),
    threads: backend.threads,
  };
}

/** The commit of this package's source, `+changes` where files differ from it; null where it is in no repository. */
export function sourceCommit(): string | null {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  const git = (...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    // Installed below someone else's repository, the package has no commit of its own.
    if (git('rev-parse', '--show-prefix') !== '') return null;
    // Results are what the source makes, not source: writing them anew changes nothing about the next run.
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!results') !== '';
    return `${git('rev-parse', 'HEAD')}${changed ? '+changes' : ''}`;
  } catch {
    return null;
  }
}
