// What a process of the program's own writes to its parent: a line of JSON a message, and between them perhaps what a plugin prints.

/** The object that a line is; null for a line that is none. */
export function objectOf(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
