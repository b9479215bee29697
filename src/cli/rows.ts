// Measured rows as they are shown.

import { counted, formatNumber, formatSeconds, percent, withError } from '../notation.js';
import { wrap } from '../report/layout.js';
import type { MeasuredRow } from '../runs/row.js';
import type { RunFolder } from '../runs/run-folder.js';
import { type Io, print, printJson } from './io.js';
import type { Screen } from './paint.js';

/** A row for a person, or one JSON object on a line for a program. @param unit of its metric. */
export function printRow(
  row: MeasuredRow,
  { directory }: Pick<RunFolder, 'directory'>,
  unit: string | undefined,
  io: Io,
  json = false,
): void {
  if (json) printJson(io, { event: 'row', folder: directory, ...row });
  else for (const line of describeRow(row, unit, io.out)) print(io, line);
}

/**
 * A row as a person reads it.
 * @param unit of its metric.
 * @param screen where it is read: on a terminal it is broken between words.
 */
export function describeRow(row: MeasuredRow, unit = '', screen: Screen = {}): string[] {
  const { metric, estimator, split, value, standardError, sentences, draws, effectiveSampleSize: ess } = row;
  const name = row.variant === undefined ? metric : `${metric} ${row.variant}`;
  const facts = [
    `${counted(sentences, 'sentence')} of ${split}`,
    ...(draws > 0 ? [`${counted(draws, 'draw')} each`] : []),
    ...(ess ? [`effective sample size ${formatNumber(ess.mean)}, below 2 for ${percent(ess.shareBelow2)}`] : []),
    ...(row.notPositiveDefinite === undefined
      ? []
      : [`${percent(row.notPositiveDefinite)} of chains with a step not positive definite`]),
    ...(row.acceptance === undefined ? [] : [`acceptance ${percent(row.acceptance)}`]),
    ...(row.facts?.codeMilliseconds === undefined ? [] : [`${formatNumber(row.facts.codeMilliseconds)} ms a code`]),
    `epoch ${row.epoch}`,
    formatSeconds(row.seconds),
  ];
  const number = withError(value, standardError);
  const head = `${name.padEnd(5)} ${`${number}${unit === '' ? '' : ` ${unit}`}`.padEnd(22)} `;
  const width = screen.isTTY ? (screen.columns ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  return [
    ...wrap(`${head}by ${estimator}; ${facts.join(', ')}`, width, Math.min(head.length, 29)),
    ...row.warnings.flatMap((warning) => wrap(`      warning: ${warning}`, width, 15)),
  ];
}
