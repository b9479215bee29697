// What tasks side by side show: on a terminal a line each and one for the whole, in a pipe a plain line when one begins or
// ends, for a program what each task's own process tells, with the task's number.

import cliProgress from 'cli-progress';
import { shown } from '../text.js';
import { type Io, note, noteText, printJson } from './io.js';
import { heightOf, isLive, widthOf } from './paint.js';
import { createProgress, liveLine, type Moment } from './progress.js';

export interface TaskBoard {
  /** A task begins. */
  begin(number: number, name: string): void;
  /** A task's process tells something, as its `--json` has it. */
  told(number: number, told: Record<string, unknown>): void;
  end(number: number): void;
  /** How far all of it is. */
  whole(moment: Moment): void;
  /** A line that stays. */
  say(line: string, fields: object): void;
  close(): void;
}

export function createTaskBoard(io: Io, json: boolean): TaskBoard {
  return isLive(io.error) && !json ? new LiveBoard(io) : new LineBoard(io, json);
}

class LineBoard implements TaskBoard {
  private readonly progress;

  constructor(
    private readonly io: Io,
    private readonly json: boolean,
  ) {
    this.progress = createProgress(io, json);
  }

  begin(): void {}

  told(number: number, told: Record<string, unknown>): void {
    if (this.json) printJson(this.io, { task: number, ...told });
  }

  end(): void {}

  whole(moment: Moment): void {
    this.progress.update(moment);
  }

  say(line: string, fields: object): void {
    this.progress.say(line, fields);
  }

  close(): void {
    this.progress.end();
  }
}

/** Clears from the cursor to the end of its line. */
const CLEAR = '\u001b[K';

class LiveBoard implements TaskBoard {
  private readonly bars: cliProgress.MultiBar;
  /** Their lines; null where the terminal has no room for one more. */
  private readonly tasks = new Map<number, cliProgress.SingleBar | null>();
  private wholeBar: cliProgress.SingleBar | null = null;

  constructor(private readonly io: Io) {
    this.bars = new cliProgress.MultiBar({
      stream: io.error,
      format: (_options, _params, { line }: { line: string }) => line,
      clearOnComplete: true,
      hideCursor: false,
      linewrap: true,
      fps: 5,
      gracefulExit: false,
    });
  }

  begin(number: number, name: string): void {
    this.tasks.set(number, null);
    this.show(number, { label: `${number}: ${name}`, done: 0, total: 1, quantities: {} }, null);
  }

  told(number: number, { event, label, done, total, secondsLeft, ...more }: Record<string, unknown>): void {
    if (!this.tasks.has(number) || event !== 'progress' || typeof done !== 'number' || typeof total !== 'number')
      return;
    const quantities = Object.fromEntries(
      Object.entries(more).filter(([, value]) => ['number', 'string'].includes(typeof value)),
    ) as Record<string, number>;
    const moment = { label: `${number}: ${label}`, done, total, quantities };
    this.show(number, moment, typeof secondsLeft === 'number' ? secondsLeft : null);
  }

  private show(number: number, moment: Moment, secondsLeft: number | null): void {
    const payload = { line: liveLine(moment, secondsLeft, this.width) };
    const bar = this.tasks.get(number) ?? null;
    if (bar !== null) {
      bar.setTotal(moment.total);
      bar.update(moment.done, payload);
    } else if ([...this.tasks.values()].filter((other) => other !== null).length < this.room) {
      this.tasks.set(number, this.bars.create(moment.total, moment.done, payload));
    }
  }

  end(number: number): void {
    const bar = this.tasks.get(number) ?? null;
    if (bar !== null) this.bars.remove(bar);
    this.tasks.delete(number);
  }

  whole(moment: Moment): void {
    const payload = { line: liveLine(moment, moment.secondsLeft ?? null, this.width) };
    this.wholeBar ??= this.bars.create(moment.total, moment.done, payload);
    this.wholeBar.update(moment.done, payload);
  }

  say(line: string): void {
    // Before there is a line to keep below, there is nothing to go around.
    if (this.tasks.size === 0 && this.wholeBar === null) note(this.io, line);
    else
      this.bars.log(
        this.pieces(line)
          .map((piece) => `${noteText(this.io, piece)}${CLEAR}\n`)
          .join(''),
      );
  }

  /** A line in pieces that do not wrap: each is cleared behind, where a task's line may have stood. */
  private pieces(line: string): string[] {
    const fitting = new RegExp(`.{1,${Math.max(1, this.width)}}`, 'gu');
    return shown(line)
      .split('\n')
      .flatMap((one) => one.match(fitting) ?? ['']);
  }

  close(): void {
    // What was said since the last repainting waits for the next one, and there is none after the end.
    if (this.tasks.size > 0 || this.wholeBar !== null) this.bars.update();
    this.bars.stop();
  }

  private get width(): number {
    return widthOf(this.io.error) - 1;
  }

  /** Lines for tasks: more than the terminal's height could not be written over; the whole's and the cursor's take one each. */
  private get room(): number {
    return Math.max(1, heightOf(this.io.error) - 2);
  }
}
