// Questions and answers as lines of JSON between two processes: the one that computes reads questions and writes answers in
// whichever order they are ready, so that a quick one need not wait for a slow one.
//
//   {"id":1,"question":{"ask":"encode","run":"runs/ptb/sri/seed-0","text":"the people know it ."}}
//   {"id":1,"answer":{...}}
//   {"id":2,"question":{...}}   {"cancel":2}
//   {"id":2,"refused":"stopped before all codes were inferred"}

import { createInterface } from 'node:readline';
import { z } from 'zod';
import { InputError, InterruptedError } from '../../errors.js';
import type { Stage } from '../progress.js';
import { Answerer, type AnsweringMachine } from './answerer.js';
import { type Answer, parseQuestion } from './questions.js';

const requestSchema = z.union([
  z.strictObject({ id: z.int(), question: z.unknown() }),
  z.strictObject({ cancel: z.int() }),
]);
export type AnsweringRequest = z.input<typeof requestSchema>;

export type AnsweringReply =
  | { id: number; answer: Answer }
  /** The question was wrong, or stopped. */
  | { id: number; refused: string }
  /** A defect of ours. */
  | { id: number; failed: string }
  | { id: number; stage: Pick<Stage, 'what' | 'done' | 'total'> };

/**
 * Answers what comes until there is no more or the signal asks to stop.
 * @throws {InputError} for a line that is no request: whoever writes them is a program.
 */
export async function converse(
  input: NodeJS.ReadableStream,
  machine: AnsweringMachine,
  reply: (reply: AnsweringReply) => void,
  signal: AbortSignal,
): Promise<void> {
  const answerer = new Answerer(machine);
  const open = new Map<number, { stop: AbortController; done: Promise<void> }>();
  const lines = createInterface({ input });
  const close = () => lines.close();
  signal.addEventListener('abort', close);
  try {
    for await (const line of lines) {
      const request = parseRequest(line);
      if ('cancel' in request) {
        open.get(request.cancel)?.stop.abort();
        continue;
      }
      const { id, question } = request;
      const stop = new AbortController();
      const onProgress = ({ what, done, total }: Stage) => reply({ id, stage: { what, done, total } });
      const done = settle(() => answerer.answer(parseQuestion(question), { signal: stop.signal, onProgress }))
        .then((outcome) => reply({ id, ...outcome }))
        .finally(() => open.delete(id));
      open.set(id, { stop, done });
    }
  } finally {
    signal.removeEventListener('abort', close);
    for (const { stop } of open.values()) stop.abort();
    await Promise.all([...open.values()].map(({ done }) => done));
    await answerer.dispose();
  }
}

function parseRequest(line: string): z.output<typeof requestSchema> {
  try {
    return requestSchema.parse(JSON.parse(line));
  } catch {
    throw new InputError('standard input: wanted: a line {"id": number, "question": {...}} or {"cancel": number}');
  }
}

async function settle(
  work: () => Promise<Answer>,
): Promise<{ answer: Answer } | { refused: string } | { failed: string }> {
  try {
    return { answer: await work() };
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof InputError || error instanceof InterruptedError) return { refused: message };
    return { failed: message };
  }
}
