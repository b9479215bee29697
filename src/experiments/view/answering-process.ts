// The process that computes answers, seen from the one that serves the page: computing must not hold up events, may take
// the whole process down, and should give way to whatever trains on the machine.

import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { InputError } from '../../errors.js';
import { objectOf } from '../child-lines.js';
import { plugins } from '../plugins.js';
import type { Stage } from '../progress.js';
import { COMMAND } from '../reproduce/task-command.js';
import type { AnsweringMachine } from './answerer.js';
import type { AnsweringReply, AnsweringRequest } from './conversation.js';
import type { Answer, Question } from './questions.js';

/** Questions that are being answered at a time, at most. */
const MOST_QUESTIONS = 8;
/** Of the kernel's 20 steps of niceness; where it cannot be had, the process is like any other. */
const NICENESS = 5;
/** Milliseconds that it may take to leave when it is asked to. */
const PATIENCE = 3000;

/** There are too many questions at once. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  onStage(stage: Omit<Stage, 'kind'>): void;
}

export class AnsweringProcess {
  private child: ChildProcess | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;

  constructor(private readonly machine: AnsweringMachine) {}

  /**
   * @throws {InputError} where the question is not right, or the signal asked to stop.
   * @throws {BusyError} where others are in the way.
   * @throws {Error} where answering failed.
   */
  ask(question: Question, signal: AbortSignal, onStage: Waiting['onStage'] = () => {}): Promise<Answer> {
    if (this.waiting.size >= MOST_QUESTIONS) {
      throw new BusyError(`${MOST_QUESTIONS} questions are being answered already; ask again in a moment`);
    }
    const id = ++this.asked;
    const cancel = () => this.send({ cancel: id });
    return new Promise<Answer>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, onStage });
      signal.addEventListener('abort', cancel);
      this.send({ id, question });
      if (signal.aborted) cancel();
    }).finally(() => {
      this.waiting.delete(id);
      signal.removeEventListener('abort', cancel);
    });
  }

  /** Ends the process, and with it what is being answered. */
  async close(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    const closed = new Promise((resolve) => child.on('close', resolve));
    child.stdin!.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    await closed;
    clearTimeout(timer);
  }

  private send(request: AnsweringRequest): void {
    this.child ??= this.start();
    this.child.stdin!.write(`${JSON.stringify(request)}\n`);
  }

  private start(): ChildProcess {
    const { backend, threads } = this.machine;
    // In a process group of its own, so that a terminal's Ctrl-C reaches it by us alone: when its standard input ends.
    const loaded = plugins().flatMap(({ file }) => ['--plugin', file]);
    const asked = [COMMAND, 'answer', '--backend', backend, '--threads', String(threads), ...loaded];
    const child = spawn(process.execPath, asked, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    try {
      if (child.pid !== undefined) setPriority(child.pid, NICENESS);
    } catch {
      // It answers all the same.
    }
    let complaint = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk}`.slice(-1000);
    });
    child.stdin!.on('error', () => {});
    createInterface({ input: child.stdout! }).on('line', (line) => this.take(line));
    const gone = (reason: string) => {
      if (this.child === child) this.child = null;
      for (const { reject } of this.waiting.values()) reject(new Error(`the process that answers ended: ${reason}`));
    };
    child.on('error', ({ message }) => gone(message));
    child.on('close', (code, killed) => gone(complaint.trim() || killed || `exit code ${code}`));
    return child;
  }

  private take(line: string): void {
    const reply = objectOf(line) as AnsweringReply | null;
    if (reply === null) return;
    const waiting = this.waiting.get(reply.id);
    if (waiting === undefined) return;
    if ('stage' in reply) waiting.onStage(reply.stage);
    else if ('answer' in reply) waiting.resolve(reply.answer);
    else waiting.reject('failed' in reply ? new Error(reply.failed) : new InputError(reply.refused));
  }
}
