// A decoded text as people read it. Apart from the format of texts, so that a command can show help without reading schemas.

import type { DecodedText } from './texts.js';

/** A text as tables and lists print it: one that was cut, or has no words, says so. */
export function shownText({ text, ended }: Pick<DecodedText, 'text' | 'ended'>): string {
  const words = text === '' ? '[no words]' : text;
  return ended ? words : `${words} [cut]`;
}
