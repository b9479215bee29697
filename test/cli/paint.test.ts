import { describe, expect, it } from 'vitest';
import { hasColours, isLive, loadColours, paintFor, widthOf } from '../../src/cli/paint.js';

const terminal = { isTTY: true, columns: 72 };
const pipe = {};

describe('colours', () => {
  it.each([
    [terminal, {}, true],
    [pipe, {}, false],
    [terminal, { TERM: 'dumb' }, false],
    [terminal, { NO_COLOR: '1' }, false],
    // An empty variable counts as none: no-color.org.
    [terminal, { NO_COLOR: '' }, true],
    [pipe, { FORCE_COLOR: '1' }, true],
    [pipe, { FORCE_COLOR: '3', NO_COLOR: '1' }, true],
    [terminal, { FORCE_COLOR: '0' }, false],
  ])('on %j in %j: %j', async (screen, environment, expected) => {
    expect(hasColours(screen, environment)).toBe(expected);
    await loadColours([screen], environment);
    expect(paintFor(screen, environment).warning('a') === 'a').toBe(!expected);
  });
});

it('overwrites lines on a terminal that can, and nowhere else', () => {
  expect(isLive(terminal, { TERM: 'xterm-256color' })).toBe(true);
  expect(isLive(terminal, { TERM: 'dumb' })).toBe(false);
  expect(isLive(pipe, {})).toBe(false);
});

it('is as wide as the terminal says, and 100 columns in a pipe', () => {
  expect([widthOf(terminal), widthOf({ isTTY: true }), widthOf(pipe)]).toEqual([72, 80, 100]);
});
