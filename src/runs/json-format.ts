// What a persisted format is: an object in a JSON file with a number that says which form of it this is. It is checked when
// it is read, so that the rest of the program has what its types say; a change that old files do not bear raises the number.

import { z } from 'zod';
import { InputError } from '../errors.js';
import { cut } from '../text.js';

/** Null stands for what JSON cannot say, NaN and the infinities; it is read back as NaN. */
export const measuredNumber = z.union([z.number(), z.null().transform(() => Number.NaN)]);

/** Any number, NaN and the infinities too: of a format that keeps them. */
export const anyNumber = z.custom<number>((value) => typeof value === 'number', 'expected a number');

/** How a format that keeps them writes the numbers that JSON cannot say. */
const UNSAYABLE: Readonly<Record<string, number>> = {
  'number:NaN': Number.NaN,
  'number:Infinity': Number.POSITIVE_INFINITY,
  'number:-Infinity': Number.NEGATIVE_INFINITY,
};

export class JsonFormat<T extends object> {
  /**
   * @param what it is called, for messages: `manifest`.
   * @param number of the form that is written and read.
   * @param remedy what a user may do about a file that is none.
   */
  constructor(
    private readonly what: string,
    private readonly number: number,
    private readonly schema: z.ZodType<T>,
    private readonly remedy: string,
    /** Whether NaN and the infinities are read as they were written; else JSON makes null of them. */
    private readonly keepsAllNumbers = false,
  ) {}

  write(value: T): string {
    const replace = (_: string, given: unknown) =>
      this.keepsAllNumbers && typeof given === 'number' && !Number.isFinite(given) ? `number:${given}` : given;
    return `${JSON.stringify({ format: this.number, ...value }, replace, 2)}\n`;
  }

  /**
   * @param file where the text is from, for messages.
   * @throws {InputError} naming the file and the key where it is not of this format.
   */
  read(text: string, file: string): T {
    let value: unknown;
    try {
      value = JSON.parse(text, (_, given: unknown) =>
        this.keepsAllNumbers && typeof given === 'string' && Object.hasOwn(UNSAYABLE, given) ? UNSAYABLE[given] : given,
      );
    } catch (error) {
      throw new InputError(`${file}: not valid JSON: ${cut((error as Error).message)}; ${this.remedy}`);
    }
    const { format, ...rest } = (value ?? {}) as { format?: unknown };
    if (format !== this.number) {
      const given = format === undefined ? 'format is missing' : `format is ${cut(JSON.stringify(format))}`;
      throw new InputError(
        `${file}: ${given}; this version of sri reads a ${this.what} of format ${this.number}; ${this.remedy}`,
      );
    }
    const parsed = this.schema.safeParse(rest);
    if (parsed.success) return parsed.data;
    const { path, message } = parsed.error.issues[0]!;
    const key = path.length === 0 ? '' : `${cut(path.join('.'))}: `;
    throw new InputError(
      `${file}: no ${this.what} of format ${this.number}: ${key}${cut(message, 200)}; ${this.remedy}`,
    );
  }
}
