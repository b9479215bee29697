import { describe, expect, it } from 'vitest';
import {
  describePosterior,
  POSTERIOR_SUMMARY,
  type PosteriorSummary,
  posteriorCsv,
} from '../../src/runs/posterior-files.js';

const summary: PosteriorSummary = {
  epoch: 5,
  backend: 'cpu',
  threads: 1,
  commit: null,
  weights: 'cafe',
  dataHash: 'f00d',
  split: 'test',
  sentences: 3,
  seed: 1,
  latentSize: 2,
  rms: 1.5,
  threshold: 0.1125,
  leaving: 1,
  perplexity: 1,
  iterations: 10,
  dimensions: [
    { mean: 0, standardDeviation: 1, wasserstein: 0.01 },
    { mean: 1, standardDeviation: 1, wasserstein: 1 },
  ],
};

describe('the samples', () => {
  it('are a line each, the posterior’s before the prior’s, quoted where a label needs it', () => {
    const csv = posteriorCsv({
      sentences: Int32Array.of(7, 12),
      texts: ['a b', 'c , d'],
      labels: ['glad', 'so, "so"'],
      z: Float32Array.of(0.125, -2, 1e10, 4),
      map: Float64Array.of(1 / 3, 2, 3, 4),
      prior: Float32Array.of(0.5, 0.25, -0.5, -0.25),
      priorMap: Float64Array.of(5, 6, 7, 8),
      latentSize: 2,
    });
    expect(csv.trimEnd().split('\n')).toEqual([
      'sample,sentence,label,tsne1,tsne2,z0,z1,text',
      'posterior,7,glad,0.333333333,2,0.125,-2,a b',
      'posterior,12,"so, ""so""",3,4,10000000000,4,"c , d"',
      'prior,,,5,6,0.5,0.25,',
      'prior,,,7,8,-0.5,-0.25,',
    ]);
  });

  it('are written so that they can be read back bit for bit', () => {
    const z = Float32Array.of(Math.PI, -1 / 3, 123456.78);
    const lines = posteriorCsv({
      sentences: Int32Array.of(0),
      texts: ['a'],
      labels: null,
      z,
      map: new Float64Array(2),
      prior: new Float32Array(0),
      priorMap: new Float64Array(0),
      latentSize: 3,
    });
    const written = lines.trimEnd().split('\n')[1]!.split(',').slice(5, 8).map(Number);
    expect(Float32Array.from(written)).toEqual(z);
  });
});

describe('the summary', () => {
  it('is read as it was written, and says what it is where it is none', () => {
    expect(POSTERIOR_SUMMARY.read(POSTERIOR_SUMMARY.write(summary), 'x')).toEqual(summary);
    expect(() => POSTERIOR_SUMMARY.read('{', 'runs/a/posterior.json')).toThrow(
      /runs\/a\/posterior\.json: not valid JSON/,
    );
    const lacking = JSON.stringify({ format: 2, ...summary, latentSize: undefined });
    expect(() => POSTERIOR_SUMMARY.read(lacking, 'x')).toThrow(
      /x: no summary of a posterior of format 2: latentSize: /,
    );
    expect(() => POSTERIOR_SUMMARY.read('null', 'x')).toThrow(/x: format is missing/);
  });

  it('is told in a sentence', () => {
    expect(describePosterior(summary)).toMatch(/^1 of 2 dimensions leave N\(0, 1\): .* above 0\.113, .* z 1\.50/);
  });
});
