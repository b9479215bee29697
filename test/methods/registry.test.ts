import { describe, expect, it } from 'vitest';
import { defineMethod } from '../../src/methods/define-method.js';
import { methodNamed, methods, registerMethod } from '../../src/methods/registry.js';

const create = () => {
  throw new Error('of no use here');
};
const plain = {
  label: 'Mine',
  config: {},
  defaults: {},
  inference: 'gaussian',
  selects: 'negative-elbo',
  create,
} as const;

describe('the registry of methods', () => {
  it("has the paper's rows in its order, the other systems' behind them, and what is registered after those", () => {
    const own = methods().map(({ label }) => label);
    expect(own.slice(0, 9)).toEqual([
      'LSTM-LM',
      'AE',
      'Anneal-VAE',
      'Cyclical-VAE',
      'Lagging-VAE',
      'SA-VAE',
      'FBP-VAE',
      'FB-VAE',
      'SRI',
    ]);
    expect(own).toContain('beta-VAE');
    const mine = defineMethod({ ...plain, name: 'mine' });
    registerMethod(mine);
    expect(methods().map(({ label }) => label)).toEqual([...own, 'Mine']);
    expect(methodNamed('mine')).toBe(mine);
  });

  it('refuses a name that is taken, and knows no other', () => {
    expect(() => registerMethod(defineMethod({ ...plain, name: 'sri' }))).toThrow(/there is a method sri already/);
    expect(() => methodNamed('sir')).toThrow(/sir is no method; did you mean sri\? there are lstm-lm, /);
  });
});

describe('defineMethod', () => {
  it('refuses what no folder could be called, and a selection by what is not measured', () => {
    for (const name of ['', 'My-VAE', 'my vae', 'my@vae', '-vae', 'a/b']) {
      expect(() => defineMethod({ ...plain, name })).toThrow(/lower case|name is empty/);
    }
    expect(() => defineMethod({ ...plain, name: 'mine', inference: 'point' })).toThrow(
      /no epoch can be selected by negative-elbo where inference is point/,
    );
    expect(() => defineMethod({ ...plain, name: 'mine', inference: 'none' })).toThrow(/negative-elbo/);
    expect(defineMethod({ ...plain, name: 'mine', inference: 'point', selects: () => 1 }).kind).toBe('method');
  });
});
