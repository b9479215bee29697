// The second derivative of each sentence's NLL in z: what the density of a short run's end, and the search for its step
// size, need at every step of the path.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';
import { unstackSteps } from './lstm.js';
import { contextInputs, repeatContext, type SentenceContext } from './sentence-context.js';

export interface PosteriorHessian {
  /** `[rows]`, nats. */
  nll: tf.Tensor1D;
  /** `[rows, latent]`. */
  gradient: tf.Tensor2D;
  /** `[rows, latent, latent]`, symmetric: d2NLL/dz2 (the prior's identity is not in it). */
  hessian: tf.Tensor3D;
}

/**
 * NLL, its gradient and its Hessian in z for each row.
 * @param z `[rows, latent]`, rows = draws * batch; row r belongs to sentence r % batch.
 */
export function posteriorHessian(context: SentenceContext, z: tf.Tensor2D): PosteriorHessian {
  if (!hasKernel('PosteriorHessian')) return posteriorHessianPortable(context, z);
  const [nll, gradient, hessian] = runKernel('PosteriorHessian', { ...contextInputs(context), z });
  return { nll, gradient, hessian };
}

/**
 * The same in plain tfjs ops: the gradient's own forward and backward pass, carried along with its derivative in every
 * direction of z (tfjs cannot differentiate twice through operations that keep their outputs, such as tanh).
 * Rows are direction-major: row `direction * rows + r` moves z_r along one axis.
 */
export function posteriorHessianPortable(context: SentenceContext, z: tf.Tensor2D): PosteriorHessian {
  const [rows, latent] = z.shape;
  return tf.tidy(() => {
    const { latentKernel, initialKernel, initialBias, recurrentKernel, outputKernel, outputBias } = context;
    const { wordGates, outputMask, targets } = repeatContext(context, rows * latent);
    const codes = tf.tile(z, [latent, 1]);
    const axes = tf.reshape(tf.tile(tf.expandDims(tf.eye(latent), 1), [1, rows, 1]), [
      latent * rows,
      latent,
    ]) as tf.Tensor2D;

    const latentGates = tf.matMul(codes, latentKernel);
    const dLatentGates = tf.matMul(axes, latentKernel);
    let hidden: tf.Tensor2D = tf.add(tf.matMul(codes, initialKernel), initialBias);
    let dHidden: tf.Tensor2D = tf.matMul(axes, initialKernel);
    let cell: tf.Tensor2D = tf.zerosLike(hidden);
    let dCell: tf.Tensor2D = tf.zerosLike(hidden);
    let nll: tf.Tensor = tf.zeros([rows * latent]);

    const masks = outputMask === null ? null : unstackSteps(outputMask);
    const masked = (x: tf.Tensor2D, t: number): tf.Tensor2D => (masks === null ? x : tf.mul(x, masks[t]!));
    const wanted = unstackSteps(tf.expandDims(targets, 2) as tf.Tensor3D);
    const steps = unstackSteps(wordGates).map((words, t) => {
      const gates = tf.add(tf.add(words, latentGates), tf.matMul(hidden, recurrentKernel));
      const dGates = tf.add(dLatentGates, tf.matMul(dHidden, recurrentKernel));
      const [input, forget, candidate, output] = tf
        .split(gates, 4, 1)
        .map((gate, i) => (i === 2 ? tf.tanh(gate) : tf.sigmoid(gate))) as Four;
      const slopes = [input, forget, candidate, output].map((gate, i) =>
        i === 2 ? tf.sub(1, tf.square(gate)) : tf.mul(gate, tf.sub(1, gate)),
      );
      const dActivations = (tf.split(dGates, 4, 1) as Four).map((d, i) => tf.mul(d, slopes[i]!)) as Four;
      const [dInput, dForget, dCandidate, dOutput] = dActivations;
      const previous = cell;
      const dPrevious = dCell;
      cell = tf.add(tf.mul(forget, previous), tf.mul(input, candidate));
      dCell = tf.addN<tf.Tensor2D>([
        tf.mul(dForget, previous),
        tf.mul(forget, dPrevious),
        tf.mul(dInput, candidate),
        tf.mul(input, dCandidate),
      ]);
      const squashed = tf.tanh(cell);
      const squashedSlope: tf.Tensor2D = tf.sub(1, tf.square(squashed));
      const dSquashed: tf.Tensor2D = tf.mul(squashedSlope, dCell);
      hidden = tf.mul(output, squashed);
      dHidden = tf.add(tf.mul(dOutput, squashed), tf.mul(output, dSquashed));

      // The output layer: adjoint of h_t and its derivative, p the softmax and l the logits.
      const target = tf.reshape(wanted[t]!, [rows * latent]) as tf.Tensor1D;
      const [stepNll, adjoint, dAdjoint] = tf.tidy(() => {
        const logits = tf.add(tf.matMul(masked(hidden, t), outputKernel, false, true), outputBias) as tf.Tensor2D;
        const dLogits = tf.matMul(masked(dHidden, t), outputKernel, false, true);
        const p = tf.softmax(logits);
        const hot = tf.oneHot(target, outputBias.shape[0]);
        const dP = tf.mul(p, tf.sub(dLogits, tf.sum(tf.mul(p, dLogits), 1, true))) as tf.Tensor2D;
        return [
          tf.sub(tf.logSumExp(logits, 1), tf.sum(tf.mul(hot, logits), 1)),
          masked(tf.matMul(tf.sub(p, hot) as tf.Tensor2D, outputKernel), t),
          masked(tf.matMul(dP, outputKernel), t),
        ] as [tf.Tensor1D, tf.Tensor2D, tf.Tensor2D];
      });
      nll = tf.add(nll, stepNll);
      const gatesNow = { input, forget, candidate, output, slopes: slopes as Four };
      const cells = { previous, dPrevious, squashed, squashedSlope, dSquashed };
      return { ...gatesNow, ...cells, dActivations, adjoint, dAdjoint };
    });

    // Backward through time: each adjoint beside its derivative, called `x` and `dx`.
    let intoHidden: tf.Tensor2D = tf.zerosLike(hidden);
    let dIntoHidden: tf.Tensor2D = tf.zerosLike(hidden);
    let intoCell: tf.Tensor2D = tf.zerosLike(hidden);
    let dIntoCell: tf.Tensor2D = tf.zerosLike(hidden);
    let intoGates = tf.zerosLike(latentGates) as tf.Tensor2D;
    let dIntoGates = tf.zerosLike(latentGates) as tf.Tensor2D;
    for (const s of steps.reverse()) {
      const [dInput, dForget, dCandidate, dOutput] = s.dActivations;
      const h = tf.add(s.adjoint, intoHidden);
      const dh = tf.add(s.dAdjoint, dIntoHidden);
      const throughOutput = tf.mul(s.output, s.squashedSlope);
      const dThroughOutput = tf.sub(
        tf.mul(dOutput, s.squashedSlope),
        tf.mul(s.output, tf.mul(2, tf.mul(s.squashed, s.dSquashed))),
      );
      const c: tf.Tensor2D = tf.add(tf.mul(h, throughOutput), intoCell);
      const dc = tf.addN<tf.Tensor2D>([tf.mul(dh, throughOutput), tf.mul(h, dThroughOutput), dIntoCell]);
      // Adjoint of each activation, then of the gate before it: slope and the slope's own derivative.
      const activations = [
        [tf.mul(c, s.candidate), tf.add(tf.mul(dc, s.candidate), tf.mul(c, dCandidate))],
        [tf.mul(c, s.previous), tf.add(tf.mul(dc, s.previous), tf.mul(c, s.dPrevious))],
        [tf.mul(c, s.input), tf.add(tf.mul(dc, s.input), tf.mul(c, dInput))],
        [tf.mul(h, s.squashed), tf.add(tf.mul(dh, s.squashed), tf.mul(h, s.dSquashed))],
      ] as [tf.Tensor2D, tf.Tensor2D][];
      const values = [s.input, s.forget, s.candidate, s.output];
      const dValues = [dInput, dForget, dCandidate, dOutput];
      const dSlopes = values.map((value, i) =>
        i === 2 ? tf.mul(-2, tf.mul(value, dValues[i]!)) : tf.mul(dValues[i]!, tf.sub(1, tf.mul(2, value))),
      );
      const a = tf.concat(activations.map(([x], i) => tf.mul(x, s.slopes[i]!)) as tf.Tensor2D[], 1);
      const da = tf.concat(
        activations.map(([x, dx], i) => tf.add(tf.mul(dx, s.slopes[i]!), tf.mul(x, dSlopes[i]!))) as tf.Tensor2D[],
        1,
      );
      intoGates = tf.add(intoGates, a);
      dIntoGates = tf.add(dIntoGates, da);
      intoHidden = tf.matMul(a, recurrentKernel, false, true);
      dIntoHidden = tf.matMul(da, recurrentKernel, false, true);
      dIntoCell = tf.add(tf.mul(dc, s.forget), tf.mul(c, dForget));
      intoCell = tf.mul(c, s.forget);
    }
    const intoLatent = (gates: tf.Tensor2D, initial: tf.Tensor2D) =>
      tf.add(tf.matMul(gates, latentKernel, false, true), tf.matMul(initial, initialKernel, false, true));
    return {
      nll: tf.slice(nll as tf.Tensor1D, 0, rows),
      gradient: tf.slice(intoLatent(intoGates, intoHidden) as tf.Tensor2D, [0, 0], [rows, -1]),
      hessian: tf.transpose(
        tf.reshape(intoLatent(dIntoGates, dIntoHidden), [latent, rows, latent]),
        [1, 0, 2],
      ) as tf.Tensor3D,
    };
  });
}

type Four = [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
