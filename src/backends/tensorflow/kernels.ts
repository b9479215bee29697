// tfjs kernels of the tensorflow backend, for the operations that hold the time. What is not here is composed of plain tfjs
// operations, which tfjs-node runs as TensorFlow's.

import * as tf from '@tensorflow/tfjs-core';
import {
  type Kernel,
  type KernelInputs,
  type KernelName,
  type KernelTable,
  registerKernels,
} from '../../ops/kernel.js';
import { lstmBackward, lstmForward, reorderGates } from './lstm.js';
import { type Info, Operations, type TensorFlowBackend } from './operations.js';

type TensorFlowKernel<Name extends KernelName> = Kernel<Name, Operations>;
/** A batch's context, whatever else is with it. */
type ContextInfos = KernelInputs<'LatentNll'> | KernelInputs<'ShortRun'>;

/** Logits that exist at once, at most: 256 MiB of floats. */
const LOGITS_AT_ONCE = 1 << 26;

const lstm: TensorFlowKernel<'Lstm'> = (operations, { wordGates, latentGates, initialHidden, recurrentKernel }) => {
  const draws = latentGates.shape[0]! / wordGates.shape[1]!;
  const added = reorderGates(operations, latentGates);
  const inputGates = operations
    .unstack(reorderGates(operations, wordGates))
    .map((gates) => operations.add(repeated(operations, gates, draws), added));
  const kernel = reorderGates(operations, recurrentKernel);
  const { hidden, cells, steps } = lstmForward(operations, inputGates, initialHidden, kernel);
  const activations = steps.map(({ sigmoids, candidate }) => operations.concatenate([sigmoids, candidate], 1));
  return [operations.stack(hidden), operations.stack(cells), operations.stack(activations)];
};

const lstmGradient: TensorFlowKernel<'LstmGradient'> = (operations, inputs, { batch }) => {
  const { dHidden, initialHidden, recurrentKernel, hidden, cells, activations } = inputs;
  const size = initialHidden.shape[1]!;
  const kernel = reorderGates(operations, recurrentKernel);
  const cellsOf = operations.unstack(cells);
  const steps = operations.unstack(activations).map((both, t) => {
    const [sigmoids, candidate] = operations.splitSizes(both, [3 * size, size], 1);
    const before: Info = t === 0 ? tf.zeros(initialHidden.shape) : cellsOf[t - 1]!;
    return { sigmoids: sigmoids!, candidate: candidate!, before, squashed: operations.tanh(cellsOf[t]!) };
  });
  const { dGates, dInitialHidden } = lstmBackward(operations, steps, operations.unstack(dHidden), kernel);
  const previous = operations.concatenate([initialHidden, ...operations.unstack(hidden).slice(0, -1)], 0);
  const dKernel = operations.product(previous, operations.concatenate(dGates, 0), true, false);
  const gates = reorderGates(operations, operations.stack(dGates));
  const [tokens, rows] = gates.shape as [number, number];
  const byDraw = () => operations.reshape(gates, [tokens, rows / batch, batch, 4 * size]);
  return [
    rows === batch ? gates : operations.reduceSum(byDraw(), 1),
    reorderGates(operations, operations.sum(dGates)),
    dInitialHidden,
    reorderGates(operations, dKernel),
  ];
};

const tokenNll: TensorFlowKernel<'TokenNll'> = (operations, { hidden, outputKernel, outputBias, targets }) => {
  const targetLogits = logitsOfTargets(operations, hidden, outputKernel, outputBias, targets);
  const logNormalizers = inPieces(hidden.shape[0]!, outputKernel.shape[0]!, (start, size) =>
    tf.tidy(() =>
      logSumExp(operations, logitsOf(operations, operations.slice(hidden, start, size), outputKernel, outputBias)),
    ),
  );
  const logNormalizer = operations.concatenate(logNormalizers, 0);
  return [operations.subtract(logNormalizer, targetLogits), logNormalizer];
};

const tokenNllGradient: TensorFlowKernel<'TokenNllGradient'> = (operations, inputs) => {
  const { dNll, hidden, outputKernel, outputBias, targets, logNormalizer } = inputs;
  const [count] = hidden.shape as [number];
  const [vocabulary] = outputKernel.shape as [number];
  const column = (x: Info, start: number, size: number) =>
    operations.reshape(operations.slice(x, start, size), [size, 1]);
  const weight = operations.reshape(dNll, [count, 1]);
  const pieces = inPieces(count, vocabulary, (start, size) =>
    tf.tidy(() => {
      const rows = operations.slice(hidden, start, size);
      const logits = logitsOf(operations, rows, outputKernel, outputBias);
      const probabilities = operations.exp(operations.subtract(logits, column(logNormalizer, start, size)));
      const dLogits = operations.multiply(probabilities, column(dNll, start, size));
      return [
        operations.product(dLogits, outputKernel),
        operations.product(dLogits, rows, true, false),
        operations.reduceSum(dLogits, 0),
      ];
    }),
  );
  const [dRows, dKernels, dBiases] = [0, 1, 2].map((part) => pieces.map((piece) => piece[part]!));
  // The targets' part of softmax minus one-hot, without a matrix of ones and zeros.
  const weightedTargets = operations.multiply(operations.gather(outputKernel, targets), weight);
  const targetsHidden = operations.segmentSum(operations.multiply(hidden, weight), targets, vocabulary);
  return [
    operations.subtract(operations.concatenate(dRows!, 0), weightedTargets),
    operations.subtract(operations.sum(dKernels!), targetsHidden),
    operations.subtract(operations.sum(dBiases!), operations.segmentSum(dNll, targets, vocabulary)),
  ];
};

/** What a gradient in z needs of a batch, computed once for any number of them. */
interface Prepared {
  /** Of each step, `[rows, 4 hidden]`, in the order of lstm.ts; so are the kernels' columns. */
  wordGates: Info[];
  latentKernel: Info;
  recurrentKernel: Info;
  initialKernel: Info;
  initialBias: Info;
  outputKernel: Info;
  outputBias: Info;
  /** `[tokens * rows]` */
  targets: Info;
  /** The rows of the output kernel that the targets name, `[tokens * rows, hidden]`. */
  targetRows: Info;
  /** `[tokens * rows, hidden]`, or null. */
  mask: Info | null;
}

/** @param rows of z, a whole number of draws of each sentence. */
function prepare(operations: Operations, inputs: ContextInfos, rows: number): Prepared {
  const { wordGates, latentKernel, initialKernel, initialBias, recurrentKernel, outputKernel, outputBias } = inputs;
  const [tokens, batch] = wordGates.shape as [number, number];
  const size = outputKernel.shape[1]!;
  const draws = rows / batch;
  const repeatedSteps = (x: Info) => repeated(operations, x, draws, 1);
  const targets = operations.reshape(repeatedSteps(inputs.targets), [tokens * rows]);
  return {
    wordGates: operations.unstack(repeatedSteps(reorderGates(operations, wordGates))),
    latentKernel: reorderGates(operations, latentKernel),
    recurrentKernel: reorderGates(operations, recurrentKernel),
    initialKernel: initialKernel,
    initialBias: initialBias,
    outputKernel: outputKernel,
    outputBias: outputBias,
    targets,
    targetRows: operations.gather(outputKernel, targets),
    mask:
      inputs.outputMask === undefined
        ? null
        : operations.reshape(repeatedSteps(inputs.outputMask), [tokens * rows, size]),
  };
}

/** The LSTM given z: what it puts out, masked, `[tokens * rows, hidden]`, and what its way back needs. */
function run(operations: Operations, prepared: Prepared, z: Info) {
  const latentGates = operations.product(z, prepared.latentKernel);
  const initialHidden = operations.add(operations.product(z, prepared.initialKernel), prepared.initialBias);
  const inputGates = prepared.wordGates.map((gates) => operations.add(gates, latentGates));
  const { hidden, steps } = lstmForward(operations, inputGates, initialHidden, prepared.recurrentKernel);
  const all = operations.concatenate(hidden, 0);
  return { steps, output: prepared.mask === null ? all : operations.multiply(all, prepared.mask) };
}

/** dNLL/dz, `[rows, latent]`. */
function gradientInZ(operations: Operations, prepared: Prepared, z: Info): { gradient: tf.Tensor; output: tf.Tensor } {
  const { outputKernel, outputBias, targetRows, mask, latentKernel, initialKernel, recurrentKernel } = prepared;
  const { steps, output } = run(operations, prepared, z);
  const expected = inPieces(output.shape[0]!, outputKernel.shape[0]!, (start, size) =>
    tf.tidy(() => {
      const logits = logitsOf(operations, operations.slice(output, start, size), outputKernel, outputBias);
      return operations.product(operations.softmax(logits), outputKernel);
    }),
  );
  const dOutput = operations.subtract(operations.concatenate(expected, 0), targetRows);
  const dHidden = mask === null ? dOutput : operations.multiply(dOutput, mask);
  const { dGates, dInitialHidden } = lstmBackward(
    operations,
    steps,
    operations.split(dHidden, steps.length, 0),
    recurrentKernel,
  );
  const gradient = operations.add(
    operations.product(operations.sum(dGates), latentKernel, false, true),
    operations.product(dInitialHidden, initialKernel, false, true),
  );
  return { gradient, output };
}

/** NLL of each row from the LSTM's masked output. */
function nllOf(operations: Operations, prepared: Prepared, output: Info): tf.Tensor {
  const { outputKernel, outputBias, targets, wordGates } = prepared;
  const inputs = { hidden: output, outputKernel, outputBias, targets };
  const [nll] = tokenNll(operations, inputs, { precision: 'f32', withGradients: false });
  const tokens = wordGates.length;
  return operations.reduceSum(operations.reshape(nll, [tokens, output.shape[0]! / tokens]), 0);
}

const latentNll: TensorFlowKernel<'LatentNll'> = (operations, inputs) => {
  const prepared = prepare(operations, inputs, inputs.z.shape[0]!);
  return nllOf(operations, prepared, run(operations, prepared, inputs.z).output);
};

const latentGradient: TensorFlowKernel<'LatentGradient'> = (operations, inputs) => {
  const prepared = prepare(operations, inputs, inputs.z.shape[0]!);
  const { gradient, output } = gradientInZ(operations, prepared, inputs.z);
  return [nllOf(operations, prepared, output), gradient];
};

const shortRun: TensorFlowKernel<'ShortRun'> = (
  operations,
  inputs,
  { stepSizes, temperature, priorWeight, keepPath },
) => {
  const prepared = prepare(operations, inputs, inputs.z0.shape[0]!);
  const noise = operations.unstack(inputs.noise);
  const path: Info[] = [inputs.z0];
  for (let k = 0; k < stepSizes.length; k++) {
    const step = stepSizes[k]!;
    const z = path.at(-1)!;
    const next = tf.tidy(() => {
      const { gradient } = gradientInZ(operations, prepared, z);
      const kept = operations.multiply(z, tf.scalar(1 - step * priorWeight));
      const drifted = operations.subtract(kept, operations.multiply(gradient, tf.scalar(step)));
      return operations.add(drifted, operations.multiply(noise[k]!, tf.scalar(temperature * Math.sqrt(2 * step))));
    });
    path.push(next);
  }
  return keepPath ? [path.at(-1)!, operations.stack(path)] : [path.at(-1)!];
};

function logitsOf(operations: Operations, rows: Info, kernel: Info, bias: Info): tf.Tensor {
  return operations.add(operations.product(rows, kernel, false, true), bias);
}

function logitsOfTargets(operations: Operations, hidden: Info, kernel: Info, bias: Info, targets: Info): tf.Tensor {
  const products = operations.reduceSum(operations.multiply(hidden, operations.gather(kernel, targets)), 1);
  return operations.add(products, operations.gather(bias, targets));
}

function logSumExp(operations: Operations, logits: Info): tf.Tensor {
  const largest = operations.reduceMax(logits, 1, true);
  const sum = operations.reduceSum(operations.exp(operations.subtract(logits, largest)), 1);
  return operations.add(operations.log(sum), operations.reshape(largest, [largest.shape[0]!]));
}

/** `x` once for each draw, along an axis. */
function repeated(operations: Operations, x: Info, draws: number, axis = 0): Info {
  return draws === 1 ? x : operations.concatenate(Array<Info>(draws).fill(x), axis);
}

/** Does tokens some at a time, as many as keep their logits within bounds. */
function inPieces<Out>(count: number, vocabulary: number, work: (start: number, size: number) => Out): Out[] {
  const atOnce = Math.max(1, Math.floor(LOGITS_AT_ONCE / vocabulary));
  const pieces: Out[] = [];
  for (let start = 0; start < count; start += atOnce) pieces.push(work(start, Math.min(atOnce, count - start)));
  return pieces;
}

const KERNELS: Partial<KernelTable<Operations>> = {
  Lstm: lstm,
  LstmGradient: lstmGradient,
  TokenNll: tokenNll,
  TokenNllGradient: tokenNllGradient,
  LatentNll: latentNll,
  LatentGradient: latentGradient,
  ShortRun: shortRun,
};

/** Registers the kernels; what they make on the way is freed when they are done. */
export function registerTensorFlowKernels(backend: TensorFlowBackend): void {
  const operations = new Operations(backend);
  registerKernels('tensorflow', KERNELS, (compute) => tf.tidy(() => compute(operations) as tf.Tensor | tf.Tensor[]));
}
