// Support vector machines by libsvm (Chang and Lin 2011), compiled to WebAssembly: how well do few labels teach the classes
// when codes are the features? The kernel is exp(-|a - b|^2 / size) on standardized features, one machine for each pair of
// classes, and the penalty C is chosen by cross-validation.

import { createRequire } from 'node:module';
import type { RandomStream } from '../../random/philox.js';

/** Items to learn from. */
export interface LabelledItems {
  rows: number[][];
  /** Class of each, from 0; [items]. */
  labels: Int32Array;
}

export interface SvmPrediction {
  /** Class of each item; [items]. */
  predicted: Int32Array;
  /** Items that the machine leans on. */
  supportVectors: number;
}

/** What C is chosen from, and how. */
export interface CostSearch {
  /** Ascending, one at least. */
  costs: readonly number[];
  /** Parts of the cross-validation. */
  folds: number;
}

/** Trains machines. Their memory is none that is garbage-collected, so no machine outlives the call that made it. */
export class SvmTrainer {
  private constructor(private readonly library: SvmLibrary) {}

  static async load(): Promise<SvmTrainer> {
    loading ??= loadLibrary();
    return new SvmTrainer(await loading);
  }

  /** Learns from labelled rows with penalty C, and says the classes of others. */
  fitAndPredict({ rows, labels }: LabelledItems, cost: number, items: number[][]): SvmPrediction {
    const { library } = this;
    const machine = new library({
      type: library.SVM_TYPES.C_SVC,
      kernel: library.KERNEL_TYPES.RBF,
      gamma: 1 / rows[0]!.length,
      cost,
      cacheSize: CACHE_MEGABYTES,
      quiet: true,
    });
    try {
      machine.train(rows, Array.from(labels));
      return { predicted: Int32Array.from(machine.predict(items)), supportVectors: machine.getSVIndices().length };
    } finally {
      machine.free();
    }
  }

  /**
   * The C with the most right predictions in stratified cross-validation, the smallest of equals.
   * @param pause awaited between trainings.
   */
  async chooseCost(
    items: LabelledItems,
    { costs, folds }: CostSearch,
    stream: RandomStream,
    pause: () => Promise<void>,
  ): Promise<number> {
    const foldOf = stratifiedFolds(items.labels, folds, stream);
    let best = { cost: costs[0]!, right: -1 };
    for (const cost of costs) {
      let right = 0;
      for (let fold = 0; fold < folds; fold++) {
        const learnt = chosenItems(items, (item) => foldOf[item] !== fold);
        const held = chosenItems(items, (item) => foldOf[item] === fold);
        if (learnt.rows.length === 0 || held.rows.length === 0) continue;
        const { predicted } = this.fitAndPredict(learnt, cost, held.rows);
        right += predicted.filter((label, item) => label === held.labels[item]).length;
        await pause();
      }
      if (right > best.right) best = { cost, right };
    }
    return best.cost;
  }
}

/** Features moved and scaled to mean 0 and variance 1 over the rows that it was made of; a constant one is left at 0. */
export class Standardizer {
  private readonly mean: number[];
  private readonly scale: number[];

  constructor(rows: readonly number[][]) {
    const size = rows[0]!.length;
    const average = (of: (row: number[]) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
    this.mean = Array.from({ length: size }, (_, d) => average((row) => row[d]!));
    this.scale = this.mean.map((mean, d) => {
      const deviation = Math.sqrt(average((row) => (row[d]! - mean) ** 2));
      // The mean of equal numbers is off by its rounding, which must not be taken for a deviation.
      return deviation > 1e-12 * Math.abs(mean) ? deviation : 1;
    });
  }

  apply(rows: readonly number[][]): number[][] {
    return rows.map((row) => row.map((value, d) => (value - this.mean[d]!) / this.scale[d]!));
  }
}

/**
 * The fold of each item, from 0, drawn at random such that folds differ by one item at most, and so do the items that
 * they have of any class; [items].
 */
export function stratifiedFolds(labels: Int32Array, folds: number, stream: RandomStream): Int32Array {
  const order = stream.permutation(labels.length);
  const byClass = [...new Set(labels)].flatMap((label) => [...order].filter((item) => labels[item] === label));
  const out = new Int32Array(labels.length);
  byClass.forEach((item, place) => {
    out[item] = place % folds;
  });
  return out;
}

function chosenItems({ rows, labels }: LabelledItems, choose: (item: number) => boolean): LabelledItems {
  return { rows: rows.filter((_, item) => choose(item)), labels: labels.filter((_, item) => choose(item)) };
}

/** Kernel values that libsvm keeps; 10,000 items have 400 MB of them, of which training visits a part again and again. */
const CACHE_MEGABYTES = 200;

interface SvmLibrary {
  new (options: object): SvmMachine;
  readonly SVM_TYPES: { readonly C_SVC: string };
  readonly KERNEL_TYPES: { readonly RBF: string };
}

interface SvmMachine {
  train(rows: number[][], labels: number[]): void;
  predict(rows: number[][]): number[];
  getSVIndices(): number[];
  free(): void;
}

let loading: Promise<SvmLibrary> | null = null;

/**
 * The module was compiled for browsers as much as for Node, and takes the process for its own while it loads: it would
 * fetch its file by HTTP where there is `fetch`, complain on standard error that this failed, and end the process without
 * a word at any rejected promise. What it finds is therefore hidden, and what it leaves is taken back.
 */
function loadLibrary(): Promise<SvmLibrary> {
  const listeners = process.listeners('unhandledRejection');
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { instantiateStreaming?: unknown } };
  const { instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = undefined;
  try {
    return createRequire(import.meta.url)('libsvm-js');
  } finally {
    WebAssembly.instantiateStreaming = instantiateStreaming;
    for (const listener of process.listeners('unhandledRejection')) {
      if (!listeners.includes(listener)) process.off('unhandledRejection', listener);
    }
  }
}
