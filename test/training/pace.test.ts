import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/training/pace.js';

describe('the pace of training', () => {
  it('says nothing until it has seen enough, and forgets the first updates, which are slow', () => {
    const pace = new Pace();
    for (const seconds of [30, 20, 10]) pace.add(seconds);
    for (let i = 0; i < 16; i++) pace.add(0.5);
    expect(pace.secondsAnUpdate).toBeNull();
    pace.add(0.5);
    expect(pace.secondsAnUpdate).toBeCloseTo(0.5, 12);
  });

  it('follows what grows slower, and leaves out an update that was stopped on its way', () => {
    const pace = new Pace();
    for (let i = 0; i < 40; i++) pace.add(0.5);
    pace.add(8 * 3600);
    expect(pace.secondsAnUpdate).toBeCloseTo(0.5, 12);
    for (let i = 0; i < 200; i++) pace.add(2);
    expect(pace.secondsAnUpdate).toBeCloseTo(2, 1);
    // Slow, but no stop: a batch of long sentences among short ones.
    pace.add(9);
    expect(pace.secondsAnUpdate).toBeGreaterThan(2.1);
  });
});
