// metrics.csv: what training looked like: a line for each interval, and one for each epoch as a whole with its validation.

import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync } from 'node:fs';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { csvText, readCsv } from '../storage/csv.js';
import { naming } from '../storage/file-error.js';

export interface Metrics {
  epoch: number;
  /** Updates done in the run. */
  iteration: number;
  /** Mean over the sentences of the interval or the epoch, nats. */
  loss: number;
  /** Mean over the words of the interval or the epoch, nats. */
  lossPerWord: number;
  /** Mean over the updates, before clipping. */
  gradientNorm: number;
  learningRate: number;
  sentencesPerSecond: number;
  /** Floating-point operations done, as a share of what the machine's measured peak would have done; null where unknown. */
  shareOfPeak: number | null;
  /** Spent training so far. */
  seconds: number;
  /** -log p(x) on validation sentences, nats a word; null but after an epoch. */
  validationLoss: number | null;
  /** The method's own columns, means over the updates, and the validation's. */
  quantities: Record<string, number>;
}

const COLUMNS = [
  'epoch',
  'iteration',
  'loss',
  'lossPerWord',
  'gradientNorm',
  'learningRate',
  'sentencesPerSecond',
  'shareOfPeak',
  'seconds',
  'validationLoss',
] as const;

/**
 * Cuts a file of metrics back to what a checkpoint knows of: lines that a killed process wrote after it will be written
 * again. A file that is shorter, or has lost its content to a failing disk, keeps its whole lines up to there.
 * @returns the bytes that it has now, and what was lost, in a sentence; null where nothing was.
 */
export async function cutBack(file: string, bytes: number): Promise<{ bytes: number; lost: string | null }> {
  const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const known = content.subarray(0, bytes);
  const hole = known.indexOf(0);
  const whole = hole < 0 && content.length >= bytes;
  const kept = whole ? known : known.subarray(0, known.lastIndexOf('\n', hole < 0 ? undefined : hole) + 1);
  // The old one stays until the new one is whole.
  if (kept.length !== content.length || !existsSync(file)) await writeFileAtomic(file, kept);
  if (whole) return { bytes, lost: null };
  const what = hole < 0 ? `has ${content.length} bytes where ${bytes} were written` : `has NUL bytes from byte ${hole}`;
  const lost = `${file} ${what}: the lines after byte ${kept.length} are lost, and training goes on without them`;
  return { bytes: kept.length, lost };
}

/** Where the lines go, under columns that are fixed for the run: a file that another version began keeps its own. */
export class MetricsFile {
  /** @param quantities the columns after the common ones. */
  constructor(
    private readonly file: string,
    private readonly quantities: readonly string[],
  ) {}

  /**
   * Adds a line, and the header before the first.
   * @returns the file's length in bytes: what a resumed run cuts it back to.
   */
  append(metrics: Metrics): number {
    const begun = statSync(this.file).size > 0;
    const header = begun ? headerOf(this.file) : [...COLUMNS, ...this.quantities];
    const cells = new Map([
      ...COLUMNS.map((column) => [column, cell(metrics[column])] as const),
      ...this.quantities.map((name) => [name, cell(metrics.quantities[name])] as const),
    ] as readonly (readonly [string, string])[]);
    const values = header.map((column) => cells.get(column) ?? '');
    naming(this.file, () => appendFileSync(this.file, csvText(begun ? [values] : [header, values])));
    return statSync(this.file).size;
  }

  /** Waits until the disk has what was added: before a checkpoint counts on it. */
  sync(): void {
    const file = openSync(this.file, 'r+');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

function headerOf(file: string): string[] {
  const content = readFileSync(file);
  return readCsv(content.toString('utf8', 0, content.indexOf('\n')))[0]!.cells;
}

/** Six significant digits: more than the noise of any of these. */
function cell(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}
