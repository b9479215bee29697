// What a misspelt name is likeliest to mean: keys, methods, metrics, tables, choices of options, files.

import { cut } from './text.js';

/** No name is so long, and the distance costs its length. */
const LONGEST_NAME = 60;

/** The known name that a misspelt one is likeliest to mean, if one is near. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  if (given.length > LONGEST_NAME) return undefined;
  const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const ranked = known
    .map((name) => ({ name, distance: editDistance(plain(given), plain(name)) }))
    // Of two as near, the one that begins alike: people miss letters within.
    .sort((a, b) => a.distance - b.distance || Number(b.name[0] === given[0]) - Number(a.name[0] === given[0]));
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(given.length / 3)) ? best.name : undefined;
}

/** `did you mean sri? ` where a known name is near, to stand before what else is said; else nothing. */
export function didYouMean(given: string, known: readonly string[]): string {
  const near = given === '' ? undefined : nearest(given, known);
  return near === undefined ? '' : `did you mean ${near}? `;
}

/** What is said of a name that none of a kind has: `sir is no method; did you mean sri? there are lstm-lm, sri`. */
export function noSuch(noun: string, given: string, known: readonly string[]): string {
  const name = given === '' ? 'an empty name' : cut(given);
  return `${name} is no ${noun}; ${didYouMean(given, known)}there are ${known.join(', ')}`;
}

/** Damerau's distance: letters added, left out, changed, or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : changed;
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, changed, swapped);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
