// What earlier versions called or wrote differently: the names that users may still type, and the forms in which runs of
// those days lie in their folders. Only what means the same today is translated.

/** Settings of today by a name that they once had. */
export const RENAMED_SETTINGS: Readonly<Record<string, string>> = { paper: 'algorithm-1' };

/** A run's configuration as `config.json` holds it, in the form of today. @param stored with none of its keys checked. */
export function inTodaysForm(stored: Record<string, unknown>): Record<string, unknown> {
  const { startFrom, langevin } = stored;
  return {
    ...stored,
    // The encoder was once all that a run could start from, and the weight of the prior rose by epochs alone.
    ...(typeof startFrom === 'string' ? { startFrom: { encoder: startFrom, decoder: null } } : {}),
    ...(isObject(langevin) && isObject(langevin.priorWeight)
      ? { langevin: { ...langevin, priorWeight: { rises: 'epoch', ...langevin.priorWeight } } }
      : {}),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
