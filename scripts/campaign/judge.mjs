// What a command may end with.

/** Words of the runtime about our code, not about the input. */
const DEFECT =
  /is not a function|is not iterable|cannot read propert|cannot destructure|maximum call stack|invalid array length|invalid typed array|map maximum|out of memory|is not defined|undefined is not|unexpected undefined|cannot convert|not extensible|cannot mix bigint|invalid string length|argument must be of type/i;

/** What an ending says of itself, and what is wrong with it; null where it is one that a command may have. */
export function judge({ code, signal = null, error }, allowed = [0, 1, 2]) {
  const ended = signal ?? String(code);
  // What the dead say nobody hears.
  if (signal !== null) return { ended, wrong: null };
  if (/^\s+at .*(file:|node:|\/)/m.test(error)) return { ended, wrong: `a stack was printed: ${error}` };
  if (code === 0) return { ended, wrong: null };
  if (!allowed.includes(code)) return { ended, wrong: `it ended with ${code}: ${error}` };
  if (DEFECT.test(error)) return { ended, wrong: `a defect: ${error}` };
  if (!/^sri: \S/m.test(error)) return { ended, wrong: `it ended with ${code} and no reason: ${error}` };
  return { ended, wrong: null };
}
