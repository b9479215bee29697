import { describe, expect, it } from 'vitest';
import { InputError, InterruptedError } from '../../src/errors.js';
import { tsne, usedPerplexity } from '../../src/evaluation/t-sne.js';
import { RandomStream } from '../../src/random/philox.js';

const SIZE = 5;
const COUNT = 60;
/** Two groups, ten deviations apart in every coordinate; even points are of one, odd points of the other. */
const points = new RandomStream({ seed: 7, purpose: 'metropolis' })
  .normals(COUNT * SIZE)
  .map((x, i) => x + (Math.floor(i / SIZE) % 2) * 10);

function distance(map: Float64Array, a: number, b: number): number {
  return Math.hypot(map[2 * a]! - map[2 * b]!, map[2 * a + 1]! - map[2 * b + 1]!);
}

describe('t-SNE', () => {
  it('keeps two far groups apart: every point’s nearest are of its own', async () => {
    const map = await tsne(points, SIZE, { seed: 1, perplexity: 10 });
    expect(map.every(Number.isFinite)).toBe(true);
    for (let a = 0; a < COUNT; a++) {
      const nearest = Array.from({ length: COUNT }, (_, b) => b)
        .filter((b) => b !== a)
        .sort((b, c) => distance(map, a, b) - distance(map, a, c))
        .slice(0, 10);
      expect(nearest.every((b) => b % 2 === a % 2)).toBe(true);
    }
  });

  it('keeps neighbours on a line in order', async () => {
    const line = Float32Array.from({ length: 3 * 40 }, (_, i) => Math.floor(i / 3) * [1, -2, 0.5][i % 3]!);
    const map = await tsne(line, 3, { seed: 1, perplexity: 5 });
    for (let i = 0; i < 30; i++) expect(distance(map, i, i + 1)).toBeLessThan(distance(map, i, i + 10));
  });

  it('is the same for the same seed', async () => {
    const map = (seed: number) => tsne(points, SIZE, { seed, iterations: 60 });
    expect(await map(1)).toEqual(await map(1));
    expect(await map(2)).not.toEqual(await map(1));
  });

  it('tells how far it is, and stops when asked', async () => {
    const seen: number[] = [];
    await tsne(points, SIZE, { seed: 1, iterations: 25 }, (done) => seen.push(done));
    expect(seen).toEqual([10, 20, 25]);
    const stop = new AbortController();
    const stopped = tsne(points, SIZE, { seed: 1, signal: stop.signal }, (done) => done >= 20 && stop.abort());
    await expect(stopped).rejects.toThrow(InterruptedError);
  });

  it('asks no more neighbours than there are', () => {
    expect(usedPerplexity(2000)).toBe(30);
    expect(usedPerplexity(31)).toBe(10);
  });

  it('refuses what cannot be laid out', async () => {
    await expect(tsne(points.slice(0, 3 * SIZE), SIZE, { seed: 1 })).rejects.toThrow(InputError);
    await expect(tsne(points.with(2, Number.NaN), SIZE, { seed: 1 })).rejects.toThrow(/finite/);
  });
});
