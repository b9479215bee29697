// How long work shows that it moves: on a terminal one live line, in a pipe a plain line now and then, for a program
// one JSON object a line. Whoever does the work reports to a Progress and does not know which it is.

import cliProgress from 'cli-progress';
import { formatNumber, formatSeconds } from '../notation.js';
import { shown } from '../text.js';
import { type Io, note, printJson } from './io.js';

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

/** Seconds between two plain lines. */
const PLAIN_INTERVAL = 10;
/** Seconds between two JSON lines. */
const JSON_INTERVAL = 1;

/** @param now seconds of a clock that does not jump. */
export function createProgress(io: Io, json: boolean, now: () => number = () => performance.now() / 1000): Progress {
  if (json) return new JsonProgress(io, now);
  return io.error.isTTY ? new LiveProgress(io, now) : new PlainProgress(io, now);
}

/** Time left, from what was done since the first moment seen: a resumed run does not count what it did before. */
class Clock {
  private start: { at: number; done: number } | null = null;
  private shown = Number.NEGATIVE_INFINITY;

  constructor(private readonly now: () => number) {}

  /** Seconds, or null as long as nothing was done. */
  left({ done, total, secondsLeft }: Moment): number | null {
    if (secondsLeft !== undefined) return secondsLeft;
    this.start ??= { at: this.now(), done };
    const progressed = done - this.start.done;
    return progressed > 0 ? ((this.now() - this.start.at) / progressed) * (total - done) : null;
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
    const payload = { line: liveLine(moment, this.clock.left(moment), (this.io.error.columns || 80) - 1) };
    if (this.bar === null) {
      this.bar = new cliProgress.SingleBar({
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
    note(this.io, line);
  }

  end(): void {
    this.bar?.stop();
    this.bar = null;
    this.clock.reset();
  }
}

class PlainProgress implements Progress {
  private readonly clock: Clock;

  constructor(
    private readonly io: Io,
    now: () => number,
  ) {
    this.clock = new Clock(now);
  }

  update(moment: Moment): void {
    const left = this.clock.left(moment);
    if (!this.clock.due(moment, PLAIN_INTERVAL)) return;
    note(this.io, parts(moment, left).join(', '));
  }

  say(line: string): void {
    note(this.io, line);
  }

  end(): void {
    this.clock.reset();
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
  const all = parts(moment, left).map(shown);
  while (all.length > 1 && all.join('  ').length > width) all.pop();
  return all.join('  ').slice(0, Math.max(1, width));
}

function showQuantity(name: string, value: string | number): string {
  const number = typeof value === 'number' ? formatNumber(value) : value;
  // `sentences/s` and `% of peak` read better after their number, `loss` before it.
  return /[/%]/.test(name) ? `${number} ${name}` : `${name} ${number}`;
}
