// Completions, asked of the shells themselves; of those that are here.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-completion-'));
const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;
beforeAll(async () => {
  mkdirSync(path.join(root, 'my runs'));
  writeFileSync(path.join(root, 'reviews.txt'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out, error } = await sri('completion', shell);
    expect(code, error).toBe(0);
    writeFileSync(path.join(root, `sri.${shell}`), out);
  }
});
afterAll(() => rmSync(root, { recursive: true }));

function told(shell: string, script: string): string[] {
  const { status, stdout, stderr } = spawnSync(shell, ['-c', script], { cwd: root, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.split('\n').filter((line) => line !== '');
}

/** What bash offers for the last of the words. */
function bash(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  return told(
    'bash',
    `source sri.bash; compopt() { :; }; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _sri; printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
}

describe('bash', () => {
  it('completes commands, options, and the values of options', () => {
    expect(bash('sri', 'tr')).toEqual(['train', 'transfer']);
    expect(bash('sri', 'help', 'doc')).toEqual(['doctor']);
    expect(bash('sri', 'train', '--me')).toEqual(['--method']);
    expect(bash('sri', 'train', '--method', 'sr')).toEqual(['sri']);
    expect(bash('sri', 'eval', '--split', '')).toEqual(['train', 'valid', 'test']);
    expect(bash('sri', 'eval', '--metric', 'k')).toEqual(['kl']);
    expect(bash('sri', 'eval', '--estimator', 'f')).toEqual(['fitted']);
    expect(bash('sri', 'train', '--pl')).toEqual(['--plugin']);
    expect(bash('sri', 'train', '--config', 'p')).toEqual(['ptb.yaml']);
    expect(bash('sri', 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('completes one option of another command by that command', () => {
    expect(bash('sri', 'encode', '--format', '')).toEqual(['csv', 'npy', 'safetensors']);
    expect(bash('sri', 'report', '--format', 'm')).toEqual(['markdown']);
  });

  it('completes folders whole, and leaves files to the shell', () => {
    expect(bash('sri', 'train', '--run', 'my')).toEqual(['my runs']);
    expect(bash('sri', 'init', 'rev')).toEqual([]);
  });
});

describe.skipIf(!has('fish'))('fish', () => {
  const fish = (line: string) =>
    told('fish', `source sri.fish; complete -C '${line}'`).map((offer) => offer.split('\t')[0]);

  it('completes commands, options, values, files and folders', () => {
    expect(fish('sri tr')).toEqual(['train', 'transfer']);
    expect(fish('sri train --me')).toEqual(['--method']);
    expect(fish('sri train --method sr')).toContain('sri');
    expect(fish('sri eval --split va')).toEqual(['valid']);
    expect(fish('sri init rev')).toEqual(['reviews.txt']);
    // A config of one's own as well as those that come along.
    expect(fish('sri train --config ')).toEqual(expect.arrayContaining(['ptb.yaml', 'reviews.txt']));
    expect(fish('sri train --run my')).toEqual(['my runs/']);
  });
});

describe.skipIf(!has('zsh'))('zsh', () => {
  // The completion system itself wants a terminal; these stand for it and tell what they are given.
  const zsh = (...words: string[]) =>
    told(
      'zsh',
      `compdef() { :; }; _describe() { print -l -- $commands; }; _arguments() { print -l -- "$@"; }
       source ./sri.zsh; words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; _sri`,
    );

  it('completes commands, options, values, files and folders', () => {
    expect(zsh('sri', 'tr').some((line) => line.startsWith('train:'))).toBe(true);
    const offered = zsh('sri', 'train', '');
    expect(offered.some((line) => /^\*--method\[.*\]:value:\(lstm-lm .*\bsri\b.*\)$/.test(line))).toBe(true);
    expect(offered.some((line) => /^\*--run\[.*\]:value:_files -\/$/.test(line))).toBe(true);
    expect(zsh('sri', 'init', '').at(-1)).toBe('*:argument:_files');
  });
});
