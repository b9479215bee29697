// Text that somebody else wrote, made fit to be shown: a word of a corpus, a label, an argument, a file's name may hold what
// a terminal would obey, or be as long as a book.

import { InputError } from './errors.js';

/** Characters of a value that a message shows. */
const SHOWN = 80;

// C0 but tab and line feed, DEL, C1, and what turns the direction of writing around: a terminal obeys these.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with what a terminal would obey written out: `\x1b`. Lines and tabs stay. */
export function shown(text: string): string {
  return text.replace(OBEYED, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** A value for a message: on one line, and the middle left out where it is long. */
export function cut(text: string, most = SHOWN): string {
  const line = text.length > 4 * most ? `${text.slice(0, 2 * most)}\n${text.slice(-most)}` : text;
  const characters = Array.from(line.replace(/[\r\n]+/g, ' '));
  if (text === line && characters.length <= most) return characters.join('');
  const tail = Math.floor(most / 4);
  return `${characters.slice(0, most - tail).join('')}[...]${characters.slice(-tail).join('')}`;
}

/**
 * What is said of bytes that are no text.
 * @param place the file, and its line where that is known.
 * @param bytes of the file, where they are there: UTF-16, as PowerShell writes it, has a mark at its beginning.
 */
export function notUtf8(place: string, bytes?: Uint8Array): InputError {
  const [first, second] = bytes ?? [];
  const from = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) ? 'utf-16' : 'latin1';
  return new InputError(`${place}: not UTF-8; convert it, for example with iconv -f ${from} -t utf-8`);
}
