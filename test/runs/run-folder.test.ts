import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.js';
import { describeEnding, mayGoOn } from '../../src/runs/ending.js';
import type { Ending } from '../../src/runs/ending-schema.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { manifest } from '../report/runs.js';
import { toyRun } from '../training/toy.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('a run folder', () => {
  const folder = new RunFolder(path.join(root, 'run'));
  const [config, facts] = ['config.json', 'manifest.json'].map((name) => path.join(folder.directory, name));

  it('gives back the configuration and the manifest that it was given, and says their format', async () => {
    expect(folder.manifest()).toBeNull();
    expect(() => folder.config()).toThrow(/no run here \(config\.json is missing\)/);
    const run = toyRun('sri');
    const ended = { ...manifest, finished: { reason: 'decays', decays: 5 } } as const;
    await folder.settleConfig(run);
    await folder.writeManifest(ended);
    expect(folder.config()).toEqual(run);
    expect(folder.manifest()).toEqual(ended);
    for (const [file, format] of [
      [config!, 2],
      [facts!, 1],
    ] as const) {
      expect(JSON.parse(readFileSync(file, 'utf8')).format).toBe(format);
    }
  });

  it('says of a run that is measured otherwise still which backend and threads trained it', async () => {
    const trained = new RunFolder(path.join(root, 'trained'));
    const run = { ...toyRun('sri'), backend: 'native', threads: 2 } as const;
    await trained.settleConfig(run);
    const evaluation = { ...run.evaluation, featureDraws: 99 };
    await trained.settleConfig({ ...run, evaluation, backend: 'cpu', threads: 1 });
    expect(trained.config()).toEqual({ ...run, evaluation });
  });

  it('reads a run of before a key was there as one with its default, and lets it go on', async () => {
    const run = toyRun('sri');
    const search = {
      every: 2,
      grid: [0.1, 0.2],
      sentences: 4,
      criterion: 'bound',
      chains: 64,
      foldLimit: 0.25,
    } as const;
    const searching = { ...run, langevin: { ...run.langevin, search: { ...search, grid: [...search.grid] } } };
    const earlier = new RunFolder(path.join(root, 'earlier'));
    await earlier.settleConfig(searching);
    const file = path.join(earlier.directory, 'config.json');
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    const { chains, foldLimit, ...searchOfBefore } = kept.langevin.search;
    expect([chains, foldLimit]).toEqual([64, 0.25]);
    kept.langevin.search = searchOfBefore;
    delete kept.model.hessianDifference;
    const { draws, chains: fitted, metropolisSteps } = kept.training.validation;
    kept.training.validation = { draws, chains: fitted, metropolisSteps };
    delete kept.evaluation.fitted;
    delete kept.evaluation.classification;
    writeFileSync(file, JSON.stringify(kept));
    expect(earlier.config()).toEqual(searching);
    await expect(earlier.settleConfig(searching)).resolves.toBeUndefined();
    const otherwise = { ...searching, model: { ...searching.model, hessianDifference: 0.02 } };
    await expect(earlier.settleConfig(otherwise)).rejects.toThrow(/model\.hessianDifference: 0\.01 there, 0\.02 now/);
    const measured = { ...searching.evaluation, fitted: { ...searching.evaluation.fitted, inflation: 1.5 } };
    await expect(earlier.settleConfig({ ...searching, evaluation: measured })).resolves.toBeUndefined();
  });

  it('refuses what it would not have written, naming the file and the key', () => {
    const spoil = (file: string, change: object) => {
      const kept = readFileSync(file, 'utf8');
      writeFileSync(file, JSON.stringify({ ...JSON.parse(kept), ...change }));
      return () => writeFileSync(file, kept);
    };
    const cases: [file: string, change: object, read: () => unknown, complaint: RegExp][] = [
      [config!, { seed: -1 }, () => folder.config(), /config\.json: no configuration of format 2: seed: /],
      [config!, { later: 1 }, () => folder.config(), /config\.json: .*later/],
      [
        config!,
        { format: 3 },
        () => folder.config(),
        /config\.json: format is 3; this version of sri reads .* format 2/,
      ],
      [facts!, { bestEpoch: 'last' }, () => folder.manifest(), /manifest\.json: no manifest of format 1: bestEpoch: /],
      [facts!, { finished: 'all 2 epochs done' }, () => folder.manifest(), /manifest\.json: .*finished: /],
    ];
    for (const [file, change, read, complaint] of cases) {
      const restore = spoil(file, change);
      expect(read).toThrow(complaint);
      expect(read).toThrow(InputError);
      restore();
      expect(read).not.toThrow();
    }
  });
});

describe('the ending of a training', () => {
  it('is told in a sentence, and only all epochs leave more to do', () => {
    const endings: [Ending, RegExp, boolean][] = [
      [{ reason: 'all-epochs', epochs: 3 }, /^all 3 epochs done$/, true],
      [{ reason: 'early-stop', patience: 2 }, /2 epochs/, false],
      [{ reason: 'early-stop', patience: 1 }, /1 epoch$/, false],
      [{ reason: 'decays', decays: 5 }, /5 /, false],
    ];
    for (const [ending, sentence, more] of endings) {
      expect(describeEnding(ending)).toMatch(sentence);
      expect(mayGoOn(ending, 3, 4)).toBe(more);
      expect(mayGoOn(ending, 3, 3)).toBe(false);
    }
  });
});
