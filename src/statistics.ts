// A mean and what it may be off by: what inference, evaluation and tables alike say of numbers.

export interface MeanEstimate {
  value: number;
  /** Of `value`, over the sentences as a sample of all that could have been drawn; NaN for a single one. */
  standardError: number;
  /** How many values were averaged. */
  count: number;
}

/** sqrt(mean of squares); NaN of none. */
export function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** The mean of values of independent sentences; NaN where there are none. */
export function meanEstimate(values: readonly number[]): MeanEstimate {
  const count = values.length;
  const value = values.reduce((sum, v) => sum + v, 0) / count;
  const squares = values.reduce((sum, v) => sum + (v - value) ** 2, 0);
  return { value, standardError: Math.sqrt(squares / (count - 1) / count), count };
}
