import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { packageVersion } from '../../src/version.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-cli-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('help', () => {
  it('lists the commands and the exit codes', async () => {
    const { code, out } = await sri('--help');
    expect(code).toBe(0);
    for (const command of ['prepare', 'train', 'eval', 'eval-ppl', 'reproduce', 'report', 'doctor']) {
      expect(out).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    }
    expect(out).toContain('129, 130 or 143 stopped by a signal');
  });

  it.each(['prepare', 'train', 'eval', 'eval-ppl', 'reproduce', 'report', 'doctor'])('explains %s', async (command) => {
    const { code, out } = await sri(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Usage: sri ${command}`);
    expect(out).toContain('--json');
    expect((await sri('help', command)).out).toBe(out);
  });

  it('prints the version, the commit and what computes', async () => {
    const { code, out } = await sri('--version');
    expect(code).toBe(0);
    expect(out.startsWith(`${packageVersion()}, commit `)).toBe(true);
    expect(out).toMatch(
      /^\S+, commit ([0-9a-f]{12}( with changes)?|unknown), Node v\S+, (backend \w+ \(.*\)|no backend works)/,
    );
  });
});

describe('wrong use ends with 2 and says what would be right', () => {
  const cases: [args: string[], expected: RegExp][] = [
    [[], /Usage: sri/],
    [['init'], /missing required argument 'file'\n\(usage: sri init reviews\.txt .*; sri init --help says more\)/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['compare', 'a'], /two run folders or more: sri compare a OTHER-FOLDER/],
    [['status', `${root}/none`], /no plan here; .* sri reproduce --config ptb\.yaml --table 1 --jobs 2/],
    [['export', `${root}/none`, '--out', `${root}/x`], /no run here .* sri train --config ptb\.yaml --run /],
    [['trian'], /sri: unknown command 'trian'\n\(Did you mean train\?\)/],
    [['help', 'trian'], /sri: unknown command 'trian'\n\(Did you mean train\?\)/],
    [['train', '--no-such'], /unknown option '--no-such'/],
    [['train'], /sri: give --config: no YAML file .* sri train --config ptb\.yaml/],
    [['train', '--config', 'ptb.yaml', '--set', `data.directory=${root}/none`], /none: no prepared corpus/],
    [['train', '--config', 'nowhere.yaml', '--method', 'sri'], /nowhere\.yaml: no such config file/],
    [
      ['train', '--config', 'ptb.yaml', '--method', 'vae'],
      /vae is no method; did you mean ae\? there are lstm-lm, ae, .*, sri/,
    ],
    [
      ['train', '--config', 'ptb.yaml', '--method', 'sri', '--setting', 'papre'],
      /ptb\.yaml:\d+: sri has no setting papre; it has from-lm, annealed, released/,
    ],
    [
      ['train', '--config', 'ptb.yaml', '--method', 'sri', '--set', 'model.hidenSize=3'],
      /--set model\.hidenSize=3: .*did you mean hiddenSize/,
    ],
    [['train', '--config', 'ptb.yaml', '--method', 'sri', '--seed', 'x'], /--seed.*It must be a whole number from 0/],
    [
      ['train', '--config', 'ptb.yaml', '--method', 'sri', '--threads', '0'],
      /--threads.*It must be a whole number from 1/,
    ],
    [
      ['train', '--config', 'ptb.yaml', '--method', 'sri', '--backend', 'gpu'],
      /Allowed choices are auto, native, webgpu, tensorflow, wasm, cpu/,
    ],
    [
      ['train', '--config', 'ptb.yaml', '--set', 'vocabularySize=9'],
      /vocabularySize: no such key; did you mean data\.vocabularySize\?/,
    ],
    [['train', '--config', 'ptb.yaml', '--backend', 'nativ'], /wasm, cpu\. Did you mean native\?/],
    [['train', '--config', 'ptb.yaml', '--threads', '1025'], /--threads.*It must be a whole number from 1 to 1024/],
    [['train', '--config', 'ptb.yaml', '--set', 'threads=1025'], /threads: 1025 will not do; .*from 1 to 1024/],
    [['train', '--config', 'ptp.yaml'], /ptp\.yaml: no such config file .*; did you mean ptb\.yaml\?/],
    [['report', '--config', 'ptb.yaml', '--table', 'frontir'], /no such table as frontir; did you mean frontier\?/],
    [['view', `${root}/none`], /none: no run here \(config\.json is missing\); name another folder/],
    [
      ['train', '--config', 'ptb.yaml', '--method', 'sri', '--set', `data.directory=${root}/none`],
      /none: no prepared corpus.*sri prepare/,
    ],
    [
      ['train', '--config', 'ptb.yaml', '--method', 'sri', '--set', 'data.maxLength=9'],
      /--set data\.maxLength=9: a corpus is as it was prepared/,
    ],
    [
      ['eval', '--runs', `${root}/none`],
      /none: no trained run here; name one with --run FOLDER, or train one: sri train/,
    ],
    [
      ['eval', '--config', 'ptb.yaml', '--seed', '3', '--runs', `${root}/none`],
      /no trained run on ptb with seed 3 here; .*: sri train --config ptb\.yaml --seed 3/,
    ],
    [['eval', '--setting', 'annealed', '--runs', `${root}/none`], /--setting goes with --method/],
    [['eval', '--run', `${root}/none`], /none: no run here/],
    [['eval', '--run', 'r', '--method', 'sri'], /leave out --method/],
    [
      ['eval', '--run', 'r', '--set', 'model.hiddenSize=3'],
      /only evaluation\.\*, backend, threads and data\.directory may be set here/,
    ],
    [['prepare'], /give --config, or --text FILE and --out FOLDER: .* sri prepare --config ptb\.yaml/],
    [['prepare', '--text', 'x'], /--text needs --out/],
    [['prepare', '--text', 'x', '--out', 'package.json'], /package\.json: a file is there, .*--out/],
    [['prepare', '--text', 'x', '--from', 'y', '--out', 'z'], /name two sources/],
    [['prepare', '--train', 'x', '--test', 'y', '--out', 'z'], /go together; give --valid FILE/],
    [['prepare', '--train', 'x', '--valid', 'x', '--test', 'y'], /--train, --valid and --test need --out/],
    [['prepare', '--train', 'x', '--text', 'y', '--out', 'z'], /leave out --text/],
    [[], /no command was named/],
    [['--'], /no command was named/],
    [['report'], /give --config, or run folders: .* sri report --config ptb\.yaml/],
    [['report', '--config', 'ptb.yaml', '--runs', `${root}/none`], /no trained runs/],
    [['reproduce', '--config', 'ptb.yaml', '--table', '7'], /no such table as 7; the paper has 5/],
    [['reproduce', '--config', 'ptb.yaml', '--methods', 'sri,sir'], /sir is no method; did you mean sri\?/],
  ];
  it.each(cases)('sri %j', async (args, expected) => {
    const { code, out, error } = await sri(...args);
    expect(error).toMatch(expected);
    expect(error).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
    expect(out).toBe('');
  });
});

describe('sri prepare', () => {
  it('prepares a text of one’s own and prints what was in it', async () => {
    const text = path.join(root, 'own.txt');
    const sentences = Array.from({ length: 40 }, (_, i) => `${i % 2 ? 'good' : 'bad'}\tsentence ${i} says so`);
    writeFileSync(text, `${sentences.join('\n')}\n\n`);
    const out = path.join(root, 'own');
    const shown = await sri('prepare', '--text', text, '--out', out, '--labels', '--set', 'data.vocabularySize=20');
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.out).toMatch(/train +32 /);
    expect(shown.error).toMatch(/warning: 1 line without a word, skipped: .*own\.txt:41/);
    expect(existsSync(path.join(out, 'corpus.json'))).toBe(true);

    const machine = await sri(
      'prepare',
      '--text',
      text,
      '--out',
      out,
      '--labels',
      '--set',
      'data.vocabularySize=20',
      '--json',
    );
    const report = JSON.parse(machine.out);
    expect(report).toMatchObject({ event: 'prepared', name: 'own' });
    expect(shown.out).toContain(report.hash.slice(0, 16));
  });

  it('takes three files by their options', async () => {
    const files = ['train', 'valid', 'test'].map((split, i) => {
      const file = path.join(root, `${split}.txt`);
      writeFileSync(file, `pos\t${'so it is,really\n'.repeat(1)}`.repeat(i + 1));
      return [`--${split}`, file];
    });
    const out = path.join(root, 'three');
    const {
      code,
      error,
      out: shown,
    } = await sri('prepare', ...files.flat(), '--out', out, '--labels', '--tokenizer', 'words');
    expect(code, error).toBe(0);
    expect(shown).toMatch(/^train +1 +5 /m);
    expect(shown).toMatch(/^test +3 +15 /m);
    expect(JSON.parse(readFileSync(path.join(out, 'corpus.json'), 'utf8')).settings.tokenizer).toBe('words');
  });

  it('ends with 2, file and line, where the text is wrong', async () => {
    const text = path.join(root, 'mixed.txt');
    writeFileSync(text, 'a\tone\ntwo without\n');
    const { code, error } = await sri('prepare', '--text', text, '--out', path.join(root, 'mixed'), '--labels');
    expect(code).toBe(2);
    expect(error).toMatch(/mixed\.txt:2/);
  });
});

const command = fileURLToPath(new URL('../../bin/sri.js', import.meta.url));
const built = existsSync(fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)));

describe.skipIf(!built)('the command itself', () => {
  it('answers --help without loading what computes, and ends with the program’s code', () => {
    // The engine tells of every script that it has seen, required or imported.
    const seen = path.join(root, 'seen');
    const env = { ...process.env, NODE_V8_COVERAGE: seen };
    const help = spawnSync(process.execPath, [command, '--help'], { encoding: 'utf8', env });
    expect(help.stderr).toBe('');
    expect(help.status).toBe(0);
    expect(help.stdout).toContain('Usage: sri');
    const told = readdirSync(seen).map((file) => JSON.parse(readFileSync(path.join(seen, file), 'utf8')));
    const modules = told.flatMap(({ result }) => result.map(({ url }: { url: string }) => url)).join('\n');
    expect(modules).toContain('dist/cli/main.js');
    expect(modules).toContain('node_modules/commander');
    expect(modules).not.toMatch(/node_modules\/(@tensorflow|zod|yaml|vega)|sri_native/);
    const wrong = spawnSync(process.execPath, [command, 'trian'], { encoding: 'utf8' });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('Did you mean train?');
  });
});

describe('sri doctor', () => {
  it('tells of each backend whether it works, on what and how fast, or why not and what would help', async () => {
    const { code, out } = await sri('doctor', '--threads', '1', '--json');
    expect(code).toBe(0);
    const { backends, chosen } = JSON.parse(out) as { chosen: string; backends: Record<string, unknown>[] };
    expect(backends.map(({ backend }) => backend)).toEqual(['native', 'webgpu', 'tensorflow', 'wasm', 'cpu']);
    expect(backends.find(({ works }) => works)!.backend).toBe(chosen);
    for (const finding of backends) {
      if (finding.works) {
        expect(finding).toMatchObject({
          reason: null,
          version: expect.stringMatching(/\d+\.\d+/),
          devices: [expect.any(String)],
          instructionSets: expect.any(Array),
          threads: 1,
          gflops: expect.any(Number),
        });
      } else {
        expect(finding).toMatchObject({
          reason: expect.stringMatching(/sri setup|apt-get/),
          version: null,
          gflops: null,
        });
      }
    }
    expect(backends.at(-2)).toMatchObject({ backend: 'wasm', instructionSets: ['simd128'] });
  });
});
