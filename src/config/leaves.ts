// A configuration as a flat list: what differs between two, or what one of them says, is found key by key.

/** Whether a value has keys of its own: neither a list nor null. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The values of an object that are no objects, each as JSON, by their paths: `model.hiddenSize`. */
export function leaves(values: object, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(values).flatMap(([key, value]): [string, string][] =>
      isPlainObject(value) ? [...leaves(value, `${prefix}${key}.`)] : [[`${prefix}${key}`, JSON.stringify(value)]],
    ),
  );
}

/** A key of which two configurations say something else; a side that does not have it says undefined. */
export interface Difference {
  /** `model.hiddenSize`. */
  path: string;
  one: unknown;
  other: unknown;
}

/** The keys in which two configurations differ, as JSON tells their values apart. */
export function differences(one: object, other: object, prefix = ''): Difference[] {
  return Object.keys({ ...one, ...other }).flatMap((key): Difference[] => {
    const [a, b] = [one, other].map((of) => (of as Record<string, unknown>)[key]);
    if (JSON.stringify(a) === JSON.stringify(b)) return [];
    if (isPlainObject(a) && isPlainObject(b)) return differences(a, b, `${prefix}${key}.`);
    return [{ path: `${prefix}${key}`, one: a, other: b }];
  });
}
