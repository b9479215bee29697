// Ways from one latent code to another. What a decoder writes along them shows whether the space between two sentences
// is made of sentences too.

/** `straight`, or along the sphere about the origin, near which most of a Gaussian prior's mass lies. */
export const PATHS = ['straight', 'spherical'] as const;
export type Path = (typeof PATHS)[number];

/** Below this sine of the angle between two codes a great circle through them is as good as undetermined. */
const PARALLEL = 1e-6;

/**
 * Codes at equal steps from one to the other, both included.
 *
 * `spherical` turns the direction at a constant rate (slerp: Shoemake, "Animating rotation with quaternion curves",
 * SIGGRAPH 1985) and changes the length linearly, so that no point is shorter or longer than both ends. Between codes
 * that are parallel, opposite or zero there is no such arc, or no single one, and the way is straight.
 *
 * @param from `[latentSize]`, as `to`.
 * @param points two or more.
 * @returns `[points, latentSize]`.
 * @throws {RangeError} where the codes differ in size or there are fewer than two points.
 */
export function interpolate(
  from: Float32Array,
  to: Float32Array,
  points: number,
  path: Path = 'straight',
): Float32Array {
  if (from.length !== to.length) throw new RangeError(`codes of ${from.length} and of ${to.length} dimensions`);
  if (!(Number.isInteger(points) && points >= 2)) throw new RangeError(`two points or more, not ${points}`);
  const weights = path === 'spherical' ? arcWeights(from, to) : lineWeights;
  const out = new Float32Array(points * from.length);
  for (let point = 0; point < points; point++) {
    const [a, b] = weights(point / (points - 1));
    for (let d = 0; d < from.length; d++) out[point * from.length + d] = a * from[d]! + b * to[d]!;
  }
  return out;
}

/** How much of each end the point at `t`, from 0 to 1, is made of. */
type Weights = (t: number) => readonly [from: number, to: number];

const lineWeights: Weights = (t) => [1 - t, t];

function arcWeights(from: Float32Array, to: Float32Array): Weights {
  const [lengthFrom, lengthTo] = [Math.sqrt(dot(from, from)), Math.sqrt(dot(to, to))];
  if (lengthFrom === 0 || lengthTo === 0) return lineWeights;
  const cosine = Math.max(-1, Math.min(1, dot(from, to) / (lengthFrom * lengthTo)));
  const angle = Math.acos(cosine);
  const sine = Math.sin(angle);
  if (sine < PARALLEL) return lineWeights;
  return (t) => {
    const length = (1 - t) * lengthFrom + t * lengthTo;
    return [
      ((Math.sin((1 - t) * angle) / sine) * length) / lengthFrom,
      ((Math.sin(t * angle) / sine) * length) / lengthTo,
    ];
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
