// The LSTM of the tensorflow backend, step by step from TensorFlow's operations: its fused ones (BlockLSTMV2) take about
// twice as long at a decoder's sizes. Gates are input, forget, output, candidate here, so that the three which are
// sigmoids lie side by side and cost one call; `reorderGates` brings what the rest of the program calls input, forget,
// candidate, output into that order, and back.

import * as tf from '@tensorflow/tfjs-core';
import type { Info, Operations } from './operations.js';

/** What a step leaves for the way back. */
export interface Step {
  /** Input, forget and output gates, `[rows, 3 hidden]`. */
  sigmoids: Info;
  /** tanh of the candidate's sum, `[rows, hidden]`. */
  candidate: Info;
  /** c_{t-1}, `[rows, hidden]`. */
  before: Info;
  /** tanh(c_t), `[rows, hidden]`. */
  squashed: Info;
}

/**
 * Input, forget, candidate, output along the last axis of `[.., 4 hidden]` to input, forget, output, candidate; its own
 * inverse.
 */
export function reorderGates(operations: Operations, gates: Info): tf.Tensor {
  const axis = gates.shape.length - 1;
  const [input, forget, third, fourth] = operations.split(gates, 4, axis);
  return operations.concatenate([input!, forget!, fourth!, third!], axis);
}

/**
 * @param inputGates of each step all that does not depend on h, `[rows, 4 hidden]`, in the order of this file.
 * @param recurrentKernel `[hidden, 4 hidden]`, in the order of this file.
 * @returns every h_t and c_t, `[rows, hidden]`, and what `lstmBackward` needs.
 */
export function lstmForward(
  operations: Operations,
  inputGates: readonly Info[],
  initialHidden: Info,
  recurrentKernel: Info,
): { hidden: Info[]; cells: Info[]; steps: Step[] } {
  const size = initialHidden.shape[1]!;
  const hidden: Info[] = [];
  const cells: Info[] = [];
  const steps: Step[] = [];
  let h = initialHidden;
  let before: Info = tf.zeros(initialHidden.shape);
  for (const gates of inputGates) {
    const sums = operations.add(gates, operations.product(h, recurrentKernel));
    const [sigmoidSums, candidateSum] = operations.splitSizes(sums, [3 * size, size], 1);
    const sigmoids = operations.sigmoid(sigmoidSums!);
    const candidate = operations.tanh(candidateSum!);
    const [input, forget, output] = operations.split(sigmoids, 3, 1);
    const cell = operations.add(operations.multiply(forget!, before), operations.multiply(input!, candidate));
    const squashed = operations.tanh(cell);
    h = operations.multiply(output!, squashed);
    steps.push({ sigmoids, candidate, before, squashed });
    hidden.push(h);
    cells.push(cell);
    before = cell;
  }
  return { hidden, cells, steps };
}

/**
 * @param dHidden of each step the derivative of what comes after in h_t, `[rows, hidden]`.
 * @returns the derivative in each step's gate sums, `[rows, 4 hidden]`, and in h_0.
 */
export function lstmBackward(
  operations: Operations,
  steps: readonly Step[],
  dHidden: readonly Info[],
  recurrentKernel: Info,
): { dGates: tf.Tensor[]; dInitialHidden: tf.Tensor } {
  const dGates: tf.Tensor[] = [];
  let fromNext: tf.Tensor | null = null;
  let dCellFromNext: tf.Tensor | null = null;
  for (let t = steps.length - 1; t >= 0; t--) {
    const { sigmoids, candidate, before, squashed } = steps[t]!;
    const [input, forget, output] = operations.split(sigmoids, 3, 1);
    const dH = fromNext === null ? dHidden[t]! : operations.add(dHidden[t]!, fromNext);
    const dOutput = operations.multiply(dH, squashed);
    const throughTanh = operations.tanhGradient(squashed, operations.multiply(dH, output!));
    const dCell: tf.Tensor = dCellFromNext === null ? throughTanh : operations.add(throughTanh, dCellFromNext);
    const dInput = operations.multiply(dCell, candidate);
    const dForget = operations.multiply(dCell, before);
    const dSigmoids = operations.sigmoidGradient(sigmoids, operations.concatenate([dInput, dForget, dOutput], 1));
    const dCandidate = operations.tanhGradient(candidate, operations.multiply(dCell, input!));
    dCellFromNext = operations.multiply(dCell, forget!);
    dGates[t] = operations.concatenate([dSigmoids, dCandidate], 1);
    fromNext = operations.product(dGates[t]!, recurrentKernel, false, true);
  }
  return { dGates, dInitialHidden: fromNext! };
}
