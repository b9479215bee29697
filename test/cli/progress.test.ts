import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { createProgress } from '../../src/cli/progress.js';
import { createTaskBoard } from '../../src/cli/task-board.js';

class Recorder extends Writable {
  text = '';
  constructor(
    readonly isTTY = false,
    readonly columns = 80,
    readonly rows = 24,
  ) {
    super();
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }
}

function world(isTTY = false, columns = 80, rows = 24): Io & { out: Recorder; error: Recorder } {
  return { out: new Recorder(), error: new Recorder(isTTY, columns, rows), stop: new AbortController().signal };
}

const moment = (done: number) => ({
  label: 'sri epoch 2/60',
  done,
  total: 100,
  quantities: { loss: 104.25, 'sentences/s': 71.5, '% of peak': 62 },
});

// What a terminal shows of a live line: escape sequences take no column.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const visible = (text: string) => text.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]|\x1b[78]/g, '');

describe('in a pipe', () => {
  it('writes a plain line every ten seconds at first, and at the end', () => {
    const io = world();
    let now = 0;
    const progress = createProgress(io, false, () => now);
    for (let done = 1; done <= 100; done++) {
      now = done;
      progress.update(moment(done));
    }
    expect(io.error.lines).toHaveLength(9);
    expect(io.error.lines[0]).toBe(
      'sri epoch 2/60, 11 %, 1 min 29 s left, loss 104.3, 71.50 sentences/s, 62 % of peak',
    );
    expect(io.error.lines.at(-1)).toContain('100 %, 0 s left');
    expect(io.out.text).toBe('');
  });

  it('writes ever fewer of them, and none of work that is soon over', () => {
    const io = world();
    let now = 0;
    const progress = createProgress(io, false, () => now);
    for (; now < 9; now++) progress.update({ ...moment(now), total: 8 });
    expect(io.error.text).toBe('');
    progress.end();
    for (; now < 24 * 3600; now++) progress.update({ ...moment(now), total: 48 * 3600 });
    // Six in the first minute, then one whenever the time has grown by a sixth, then one in ten minutes.
    expect(io.error.lines.length).toBeGreaterThan(130);
    expect(io.error.lines.length).toBeLessThan(180);
  });

  it('tells the time left once something is known of it', () => {
    const io = world(false);
    let now = 0;
    const progress = createProgress(io, true, () => now);
    for (; now < 5; now += 1.25) progress.update({ ...moment(10 * now), total: 100 });
    const left = io.out.lines.map((line) => JSON.parse(line).secondsLeft);
    expect(left).toEqual([null, null, null, 6.25]);
  });

  it('is what a dumb terminal is treated as', () => {
    const term = process.env.TERM;
    process.env.TERM = 'dumb';
    try {
      const io = world(true);
      let now = 0;
      const progress = createProgress(io, false, () => now);
      for (; now < 30; now++) progress.update(moment(now));
      progress.end();
      expect(io.error.lines).toHaveLength(2);
      expect(io.error.text).toBe(visible(io.error.text));
    } finally {
      process.env.TERM = term;
    }
  });

  it('takes the time left from the work where the work knows', () => {
    const io = world();
    let now = 0;
    const progress = createProgress(io, false, () => now);
    for (; now < 12; now++) progress.update({ ...moment(5), secondsLeft: 7260 });
    expect(io.error.text).toContain('2 h 01 min left');
  });

  it('does not count as done now what a run had done before it was resumed', () => {
    const io = world();
    let now = 0;
    const progress = createProgress(io, false, () => now);
    progress.update(moment(90));
    now = 20;
    progress.update(moment(92));
    expect(io.error.lines[0]).toContain('1 min 20 s left');
  });
});

describe('for a program', () => {
  it('writes one JSON object a line to standard output', () => {
    const io = world();
    let now = 0;
    const progress = createProgress(io, true, () => now);
    progress.update(moment(1));
    now = 0.5;
    progress.update(moment(2));
    now = 4;
    progress.update(moment(3));
    progress.say('an epoch is over', { event: 'epoch', epoch: 2 });
    const objects = io.out.lines.map((line) => JSON.parse(line));
    expect(objects).toHaveLength(3);
    expect(objects[1]).toEqual({
      event: 'progress',
      label: 'sri epoch 2/60',
      done: 3,
      total: 100,
      secondsLeft: 194,
      loss: 104.25,
      'sentences/s': 71.5,
      '% of peak': 62,
    });
    expect(objects[2]).toEqual({ event: 'epoch', epoch: 2 });
    expect(io.error.text).toBe('');
  });
});

describe('on a terminal', () => {
  it.each([8, 20, 40, 200])('keeps to one line of %i columns', (columns) => {
    const io = world(true, columns);
    const progress = createProgress(io, false, () => 0);
    progress.update({ ...moment(50), secondsLeft: 100 });
    progress.end();
    const shown = visible(io.error.text).split(/[\r\n]/);
    expect(shown.some((line) => line.startsWith('sri epo'))).toBe(true);
    for (const line of shown) expect(line.length).toBeLessThan(columns);
  });

  it('leaves out the least important first', () => {
    const io = world(true, 40);
    const progress = createProgress(io, false, () => 0);
    progress.update({ ...moment(50), secondsLeft: 100 });
    progress.end();
    expect(visible(io.error.text)).toContain('50 %  1 min 40 s left');
    expect(visible(io.error.text)).not.toContain('of peak');
  });

  it('draws a bar where there is room for one', () => {
    const drawn = (columns: number) => {
      const io = world(true, columns);
      const progress = createProgress(io, false, () => 0);
      progress.update({ ...moment(50), secondsLeft: 100 });
      progress.end();
      return visible(io.error.text);
    };
    expect(drawn(120)).toContain('sri epoch 2/60  [==========          ]  50 %');
    expect(drawn(80)).toContain('sri epoch 2/60  [=====     ]  50 %');
    expect(drawn(60)).not.toContain('[');
  });

  it('loses no line that is said of tasks side by side, up to the end', () => {
    const io = world(true);
    const board = createTaskBoard(io, false);
    board.begin(1, 'one');
    board.say('task 1 failed', {});
    board.close();
    expect(visible(io.error.text)).toContain('task 1 failed');
  });

  it('has a line of each task that there is room for, none wider than the terminal', () => {
    const io = world(true, 30, 4);
    const board = createTaskBoard(io, false);
    board.whole({ label: '0 of 4 tasks over', done: 0, total: 4, quantities: {}, secondsLeft: 90 });
    for (const number of [1, 2, 3]) board.begin(number, `train sri@a-rather-long-name, seed ${number}`);
    board.told(1, { event: 'progress', label: 'sri epoch 1/2', done: 1, total: 2, secondsLeft: 60 });
    board.close();
    const text = visible(io.error.text);
    expect(text).toMatch(/0 of 4 tasks over/);
    expect(text).toMatch(/1: sri epoch 1\/2/);
    expect(text).toMatch(/2: train sri@a/);
    expect(text).not.toMatch(/3: train/);
    for (const line of text.split(/[\n\r]/)) expect(line.length).toBeLessThan(30);
  });

  it('breaks a long line that is said of tasks, and leaves nothing of what stood there', () => {
    const io = world(true, 20);
    const board = createTaskBoard(io, false);
    board.begin(1, 'one');
    board.say(`${'x'.repeat(30)}\ny`, {});
    board.close();
    expect(io.error.text).toContain(`${'x'.repeat(19)}\u001b[K\n${'x'.repeat(11)}\u001b[K\ny\u001b[K\n`);
  });

  it('breaks a line that stays between words', () => {
    const io = world(true, 40);
    createProgress(io, false, () => 0).say('sri epoch 2/60: loss 4.75 training, 4.63 validation, nats a word', {});
    expect(io.error.lines).toEqual(['sri epoch 2/60: loss 4.75 training, 4.63', '  validation, nats a word']);
  });

  it('puts a line that stays above the live one', () => {
    const io = world(true);
    const progress = createProgress(io, false, () => 0);
    progress.update(moment(50));
    progress.say('epoch 2: done', {});
    progress.update(moment(51));
    progress.end();
    expect(visible(io.error.text)).toMatch(/epoch 2: done\n.*51 %/s);
  });
});
