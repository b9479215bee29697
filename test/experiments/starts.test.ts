import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ChosenRun, chooseRun } from '../../src/experiments/choose-run.js';
import { inTrainingOrder } from '../../src/experiments/train.js';
import { manifest } from '../report/runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-starts-'));
afterAll(() => rmSync(root, { recursive: true }));

async function orderOf(methods: string, method: string): Promise<string[]> {
  const config = path.join(root, 'small.yaml');
  writeFileSync(config, `dataSet: small\nmethods:\n${methods}`);
  const runs = path.join(root, 'runs');
  return inTrainingOrder(await chooseRun({ config, method, overrides: [], runs }), runs).map(({ run }) => run.name);
}

describe('runs that start from others', () => {
  it('are trained after those, each once', async () => {
    const methods = `  lstm-lm:
  ae: {startFrom: {decoder: lstm-lm}}
  fb-vae: {startFrom: {encoder: ae, decoder: lstm-lm}}
`;
    expect(await orderOf(methods, 'fb-vae')).toEqual(['lstm-lm', 'ae', 'fb-vae']);
  });

  it('are trained after those again where they begin anew, and otherwise have begun', async () => {
    const config = path.join(root, 'again.yaml');
    writeFileSync(config, 'dataSet: again\nmethods:\n  ae:\n  fb-vae: {startFrom: {encoder: ae}}\n');
    const runs = path.join(root, 'begun');
    const chosen = await chooseRun({ config, method: 'fb-vae', overrides: [], runs });
    mkdirSync(chosen.folder.checkpoints, { recursive: true });
    writeFileSync(path.join(chosen.folder.checkpoints, '000000010.json'), '{}');
    const order = (restart: boolean) => inTrainingOrder(chosen, runs, { restart }).map(({ run }) => run.name);
    expect(order(false)).toEqual(['fb-vae']);
    expect(order(true)).toEqual(['ae', 'fb-vae']);
  });

  it('are left alone where those that began with them are trained already, whatever has become of these', async () => {
    const config = path.join(root, 'trained.yaml');
    writeFileSync(
      config,
      'dataSet: trained\nmethods:\n  ae:\n  fbp-vae: {startFrom: {encoder: ae}}\n' +
        '  fb-vae: {startFrom: {encoder: null, decoder: fbp-vae}}\n',
    );
    const runs = path.join(root, 'trained');
    const chosen = await chooseRun({ config, method: 'fbp-vae', overrides: [], runs });
    await chosen.folder.writeManifest(manifest);
    const order = (chosen: ChosenRun) => inTrainingOrder(chosen, runs).map(({ run }) => run.name);
    expect(order(chosen)).toEqual(['fbp-vae']);
    // The manifest is of a run that has not ended.
    const next = await chooseRun({ config, method: 'fb-vae', overrides: [], runs });
    expect(order(next)).toEqual(['fbp-vae', 'fb-vae']);
  });

  it('are refused where they start from each other in a circle', async () => {
    const methods = `  anneal-vae: {startFrom: {encoder: fb-vae}}
  ae: {startFrom: {encoder: anneal-vae}}
  fb-vae: {startFrom: {encoder: ae}}
`;
    await expect(orderOf(methods, 'fb-vae')).rejects.toMatchObject({
      name: 'InputError',
      message:
        'startFrom: fb-vae starts from ae starts from anneal-vae starts from fb-vae: the first of them must start from no other',
    });
  });

  it('are refused before anything is trained where they want the encoder of a method without a code', async () => {
    const methods = `  lstm-lm:
  ae: {startFrom: {encoder: lstm-lm}}
`;
    await expect(orderOf(methods, 'ae')).rejects.toMatchObject({
      name: 'InputError',
      message: 'startFrom.encoder of ae: lstm-lm has no latent code, so no encoder; name another, or null',
    });
  });
});
