// What typed arrays cannot do by themselves.

/** The arrays one behind the other, as an array of `type`. */
export function joined<Numbers extends { set(from: ArrayLike<number>, at?: number): void }>(
  type: new (length: number) => Numbers,
  parts: readonly ArrayLike<number>[],
): Numbers {
  const out = new type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
