// In which precision the products of the differentiable operations are computed. A loss is a function of weights that knows
// no precision, as it knows no backend: whoever learns from it says so around it, and whoever judges by it says nothing.

import type { Precision } from '../config/choices.js';

let current: Precision = 'f32';

/**
 * What `compute` gives, its products in a precision: those of `lstm`, `tokenNll` and `product`, and those of their gradients
 * wherever these are taken. Operands are rounded to it; sums, outputs and gradients are of f32. A backend computes in f32
 * what it has no other products for.
 */
export function inPrecision<Result>(precision: Precision, compute: () => Result): Result {
  const before = current;
  current = precision;
  try {
    return compute();
  } finally {
    current = before;
  }
}

/** That of the innermost `inPrecision`; f32 outside of any. */
export function currentPrecision(): Precision {
  return current;
}
