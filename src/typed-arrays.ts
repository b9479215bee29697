// What typed arrays cannot do by themselves.

/** One array behind the other, as an array of `type`. */
export function joined<Numbers extends { set(from: ArrayLike<number>, at?: number): void; readonly length: number }>(
  type: new (length: number) => Numbers,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): Numbers {
  const out = new type(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}
