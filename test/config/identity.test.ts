import { describe, expect, it } from 'vitest';
import { identityOf, runName } from '../../src/config/identity.js';

describe('a run is known by', () => {
  const run = (setting: string | null, name: string) => ({ dataSet: 'ptb', method: 'sri', setting, name, seed: 3 });

  it.each([
    ['from-lm', 'sri', null, null, null],
    [null, 'sri', null, null, null],
    ['annealed', 'sri@annealed', 'annealed', null, null],
    ['annealed', 'sri@annealed-temperature-0.7', 'annealed', 'temperature-0.7', 'temperature'],
    ['from-lm', 'sri@steps-40', null, 'steps-40', 'steps'],
    ['from-lm', 'sri@hiddenSize-64', null, 'hiddenSize-64', 'other'],
    ['algorithm-1', 'sri@algorithm-1-steps-40-hiddenSize-64', 'algorithm-1', 'steps-40-hiddenSize-64', 'other'],
  ])('setting %s and name %s', (setting, name, named, variation, varied) => {
    const identity = identityOf(run(setting, name));
    expect(identity).toEqual({ dataSet: 'ptb', method: 'sri', setting: named, variation, varied, seed: 3 });
    expect(runName(identity)).toBe(name);
  });
});
