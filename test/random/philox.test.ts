import { describe, expect, it } from 'vitest';
import { philox, RandomStream, streamWords } from '../../src/random/philox.js';

describe('philox', () => {
  it('gives the known answers published with Random123 for philox4x32-10', () => {
    const hex = (counter: number[], key: number[]) => {
      const out = new Uint32Array(4);
      philox(counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!, out, 0);
      return Array.from(out, (word) => word.toString(16).padStart(8, '0'));
    };
    const all = 0xffffffff;
    expect(hex([0, 0, 0, 0], [0, 0])).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
    expect(hex([all, all, all, all], [all, all])).toEqual(['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd']);
    expect(hex([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      'd16cfe09',
      '94fdcceb',
      '5001e420',
      '24126ea1',
    ]);
  });
});

describe('RandomStream', () => {
  it('draws normals with the moments of N(0, 1)', () => {
    const values = new RandomStream({ seed: 1, purpose: 'chain-noise' }).normals(100_000);
    const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
    // Five standard errors each.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / 1e5));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / 1e5));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / 1e5));
  });

  it('depends on every part of its key', () => {
    const first = (key: object) => new RandomStream({ seed: 0, purpose: 'shuffle', ...key }).next();
    const draws = [{}, { seed: 1 }, { purpose: 'metropolis' }, { epoch: 1 }, { batch: 1 }, { step: 1 }].map(first);
    expect(new Set(draws).size).toBe(draws.length);
    expect(first({})).toBe(draws[0]);
  });

  it("gives a plugin's purpose numbers of its own, by its name alone", () => {
    const first = (purpose: `${string}/${string}`) => new RandomStream({ seed: 0, purpose }).next();
    expect(first('mmd-vae/prior')).toBe(first('mmd-vae/prior'));
    expect(first('mmd-vae/prior')).not.toBe(first('mmd-vae/other'));
    // The highest bit keeps it apart from every place in the list.
    for (const purpose of ['a/b', 'mmd-vae/prior', 'x/y'] as const) {
      expect(streamWords({ seed: 0, purpose })[1]).toBeGreaterThanOrEqual(2 ** 31);
    }
    expect(() => new RandomStream({ seed: 0, purpose: 'shufle' as 'shuffle' })).toThrow(/shufle is no purpose/);
  });

  it('permutes: each place is reached about equally often', () => {
    const counts = new Float64Array(4);
    for (let seed = 0; seed < 4000; seed++) {
      const permutation = new RandomStream({ seed, purpose: 'shuffle' }).permutation(4);
      expect([...permutation].sort()).toEqual([0, 1, 2, 3]);
      counts[permutation[0]!]!++;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(750));
  });
});
