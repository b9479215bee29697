// How long work shows that it moves: on a terminal one live line, in a pipe a plain line now and then, for a program
// one JSON object a line. Whoever does the work reports to a Progress and does not know which it is.

import { createRequire } from 'node:module';
import type cliProgress from 'cli-progress';
import { formatNumber, formatSeconds } from '../notation.js';
import { wrap } from '../report/layout.js';
import { shown } from '../text.js';
import { type Io, note, printJson } from './io.js';
import { isLive, widthOf } from './paint.js';

/** A moment of the work. */
export interface Moment {
  /** What is going on: `sri, epoch 3 of 60`. */
  label: string;
  /** Units of work done, and in all. */
  done: number;
  total: number;
  /** Quantities to show, in order of importance: a narrow terminal leaves out the last first. */
  quantities: Readonly<Record<string, string | number>>;
  /** Where the work itself knows better than done and total tell; null where it does not know yet. */
  secondsLeft?: number | null;
}

export interface Progress {
  update(moment: Moment): void;
  /** A line that stays, such as an epoch's validation loss; `fields` is what a program gets of it. */
  say(line: string, fields: object): void;
  /** Ends the live line. A Progress that has ended may start anew. */
  end(): void;
}

/** Seconds between two plain lines: a sixth of what the work has taken so far, within these. */
const PLAIN_INTERVAL = { least: 10, most: 600 };
/** Work, in seconds and in units, that tells how long the rest takes. */
const ENOUGH = { seconds: 3, units: 2 };
/** Columns from which the live line has room for a bar, and the bar's own. */
const BARS = [
  { from: 110, size: 20 },
  { from: 76, size: 10 },
] as const;
/** Seconds between two JSON lines. */
const JSON_INTERVAL = 1;

/** The library that draws bars: its twenty modules are loaded once there is a terminal to draw on, not for each command. */
function bars(): typeof cliProgress {
  return createRequire(import.meta.url)('cli-progress') as typeof cliProgress;
}

/** @param now seconds of a clock that does not jump. */
export function createProgress(io: Io, json: boolean, now: () => number = () => performance.now() / 1000): Progress {
  if (json) return new JsonProgress(io, now);
  return isLive(io.error) ? new LiveProgress(io, now) : new PlainProgress(io, now);
}

/** Time left, from what was done since the first moment seen: a resumed run does not count what it did before. */
class Clock {
  private start: { at: number; done: number } | null = null;
  private shown = Number.NEGATIVE_INFINITY;

  constructor(private readonly now: () => number) {}

  /** Seconds, or null as long as too little was done to tell. */
  left({ done, total, secondsLeft }: Moment): number | null {
    if (secondsLeft !== undefined) return secondsLeft;
    this.start ??= { at: this.now(), done };
    const [seconds, units] = [this.now() - this.start.at, done - this.start.done];
    const known = done >= total || (seconds >= ENOUGH.seconds && units >= ENOUGH.units);
    return known ? (seconds / Math.max(1, units)) * (total - done) : null;
  }

  /** True when it is time for a line: the first, one after each interval, and the last. */
  due({ done, total }: Moment, interval: number): boolean {
    if (done < total && this.now() - this.shown < interval) return false;
    this.shown = this.now();
    return true;
  }

  reset(): void {
    this.start = null;
    this.shown = Number.NEGATIVE_INFINITY;
  }
}

class LiveProgress implements Progress {
  private bar: cliProgress.SingleBar | null = null;
  private readonly clock: Clock;

  constructor(
    private readonly io: Io,
    now: () => number,
  ) {
    this.clock = new Clock(now);
  }

  update(moment: Moment): void {
    const payload = { line: liveLine(moment, this.clock.left(moment), widthOf(this.io.error) - 1) };
    if (this.bar === null) {
      this.bar = new (bars().SingleBar)({
        stream: this.io.error,
        format: (_options, _params, { line }: typeof payload) => line,
        clearOnComplete: true,
        // Modes of the terminal that a killed process would leave behind; the line fits by itself.
        hideCursor: false,
        linewrap: true,
        fps: 5,
        // The program has its own way with SIGINT.
        gracefulExit: false,
      });
      this.bar.start(moment.total, moment.done, payload);
    } else {
      this.bar.setTotal(moment.total);
      this.bar.update(moment.done, payload);
    }
  }

  say(line: string): void {
    this.bar?.stop();
    this.bar = null;
    for (const one of line.split('\n')) for (const piece of wrap(one, widthOf(this.io.error))) note(this.io, piece);
  }

  end(): void {
    this.bar?.stop();
    this.bar = null;
    this.clock.reset();
  }
}

/** Work that is soon over tells nothing; the longer it takes, the rarer its lines. */
class PlainProgress implements Progress {
  private readonly clock: Clock;
  /** When the work began, when its last line was written, and whether one of this kind was. */
  private began: number | null = null;
  private last = 0;
  private told = false;

  constructor(
    private readonly io: Io,
    private readonly now: () => number,
  ) {
    this.clock = new Clock(now);
  }

  update(moment: Moment): void {
    const left = this.clock.left(moment);
    const now = this.now();
    if (this.began === null) [this.began, this.last] = [now, now];
    const { least, most } = PLAIN_INTERVAL;
    const interval = Math.min(most, Math.max(least, (now - this.began) / 6));
    const over = moment.done >= moment.total;
    if (over ? !this.told : now - this.last < interval) return;
    [this.last, this.told] = [now, true];
    note(this.io, parts(moment, left).join(', '));
  }

  say(line: string): void {
    this.last = this.now();
    note(this.io, line);
  }

  end(): void {
    this.clock.reset();
    [this.began, this.told] = [null, false];
  }
}

class JsonProgress implements Progress {
  private readonly clock: Clock;

  constructor(
    private readonly io: Io,
    now: () => number,
  ) {
    this.clock = new Clock(now);
  }

  update(moment: Moment): void {
    const secondsLeft = this.clock.left(moment);
    if (!this.clock.due(moment, JSON_INTERVAL)) return;
    const { label, done, total, quantities } = moment;
    printJson(this.io, { event: 'progress', label, done, total, secondsLeft, ...quantities });
  }

  say(_line: string, fields: object): void {
    printJson(this.io, fields);
  }

  end(): void {
    this.clock.reset();
  }
}

function parts({ label, done, total, quantities }: Moment, left: number | null): string[] {
  const percent = `${Math.floor((100 * done) / Math.max(1, total))} %`;
  const time = left === null ? [] : [`${formatSeconds(left)} left`];
  return [label, percent, ...time, ...Object.entries(quantities).map(([name, value]) => showQuantity(name, value))];
}

/** As much of the line as `width` columns hold; the least important parts go first, the label is cut last. */
export function liveLine(moment: Moment, left: number | null, width: number): string {
  const [label, ...more] = parts(moment, left).map(shown);
  const all = [label!, ...bar(moment, width), ...more];
  while (all.length > 1 && all.join('  ').length > width) all.pop();
  return all.join('  ').slice(0, Math.max(1, width));
}

/** The share that is done, as a bar, on a line that has room for one. */
function bar({ done, total }: Moment, width: number): string[] {
  const size = BARS.find(({ from }) => width >= from)?.size;
  if (size === undefined) return [];
  const strings = { barCompleteString: '='.repeat(size), barIncompleteString: ' '.repeat(size), barGlue: '' };
  const share = Math.min(1, done / Math.max(1, total));
  return [`[${bars().Format.BarFormat(share, { barsize: size, ...strings })}]`];
}

function showQuantity(name: string, value: string | number): string {
  const number = typeof value === 'number' ? formatNumber(value) : value;
  // `sentences/s` and `% of peak` read better after their number, `loss` before it.
  return /[/%]/.test(name) ? `${number} ${name}` : `${name} ${number}`;
}
