// What a backend could not compute where its tensors are, and had done elsewhere: slow, and so never silent. Counted by the
// process, since whoever tells of it knows no backend.

const counts = new Map<string, number>();

/** Counts one run of a tfjs kernel in another place. */
export function countFallback(kernelName: string): void {
  counts.set(kernelName, (counts.get(kernelName) ?? 0) + 1);
}

/** Kernels that ran elsewhere since the process began, or the counts were cleared, each with how often. */
export function fallbacks(): Record<string, number> {
  return Object.fromEntries(counts);
}

export function clearFallbacks(): void {
  counts.clear();
}
