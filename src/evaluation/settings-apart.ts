// Which settings a row tells of.

import type { MeasuredRow } from '../runs/row.js';

/**
 * The values that are not the default's, lists as text. A row tells of these alone: rows of before there was the key were
 * measured with its default, and are the same number as one that is measured with it today.
 */
export function settingsApart<Values extends Record<string, number | readonly number[]>>(
  values: Values,
  defaults: Values,
): MeasuredRow['settings'] {
  const told = (value: number | readonly number[]) => (typeof value === 'number' ? value : value.join(' '));
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      told(value) === told(defaults[name]!) ? [] : [[name, told(value)]],
    ),
  );
}
