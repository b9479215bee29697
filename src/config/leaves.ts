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
