// The native backend: tfjs's own CPU backend, whose tensors are typed arrays and whose kernels it keeps, with the hot
// operations handed to the C++ addon (see kernels.ts). What it adds is memory that is reused, gradients stored as their
// non-zero rows, and weights packed once an update for the addon's matrix products.

import type { backend_util, TensorInfo } from '@tensorflow/tfjs-core';
import type { Precision } from '../../config/choices.js';
import { type DataId, QuietCpuBackend } from '../quiet-cpu.js';
import type { NativeAddon, RecurrentWeights, VocabularyWeights } from './addon.js';
import { BufferPool } from './buffers.js';

/** A tensor `[rows, size]` that is zero but for some rows. */
export interface SparseRows {
  /** Ascending, each once; [n]. */
  rows: Int32Array;
  /** [n, size]. */
  values: Float32Array;
}

/** The bucket of such a tensor: dense only when someone who does not know of rows reads it. */
class SparseBucket {
  readonly dtype = 'float32' as const;
  refCount = 1;
  private dense: Float32Array | undefined;

  constructor(
    readonly sparse: SparseRows,
    private readonly shape: readonly [rows: number, size: number],
  ) {}

  get values(): Float32Array {
    if (this.dense === undefined) {
      const [count, size] = this.shape;
      this.dense = new Float32Array(count * size);
      this.sparse.rows.forEach((row, i) => {
        this.dense!.set(this.sparse.values.subarray(i * size, (i + 1) * size), row * size);
      });
    }
    return this.dense;
  }
}

interface Packed<Weights> {
  weights: Weights;
  /** Packed from the tensor's present values. */
  current: boolean;
}

export class NativeBackend extends QuietCpuBackend {
  private readonly pool = new BufferPool();
  /** Arrays that the pool gave and no one outside has seen. */
  private readonly pooled = new WeakSet<ArrayBufferView>();
  private readonly packs = new Map<DataId, Map<string, Packed<RecurrentWeights | VocabularyWeights>>>();

  constructor(readonly addon: NativeAddon) {
    super();
  }

  /** A copy: the array itself may be written to, or reused once the tensor is gone. */
  override readSync(dataId: DataId): backend_util.BackendValues {
    const values = super.readSync(dataId);
    return ArrayBuffer.isView(values) ? (values as Float32Array).slice() : values;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const bucket = this.data.has(dataId) ? this.data.get(dataId) : undefined;
    const gone = super.disposeData(dataId, force);
    if (gone && bucket !== undefined && !(bucket instanceof SparseBucket)) {
      this.packs.delete(dataId);
      const values = bucket.values;
      if (values instanceof Float32Array && this.pooled.delete(values)) this.pool.give(values);
    }
    return gone;
  }

  /** The numbers of a tensor, not a copy. */
  floats(tensor: TensorInfo): Float32Array {
    return this.data.get(tensor.dataId).values as Float32Array;
  }

  integers(tensor: TensorInfo): Int32Array {
    return this.data.get(tensor.dataId).values as Int32Array;
  }

  /** A new float tensor for a kernel to fill; its content is arbitrary. */
  make(shape: number[]): { info: TensorInfo; values: Float32Array } {
    const values = this.pool.take(shape.reduce((product, size) => product * size, 1));
    this.pooled.add(values);
    return { info: this.makeTensorInfo(shape, 'float32', values), values };
  }

  makeSparse(shape: [number, number], sparse: SparseRows): TensorInfo {
    const dataId = this.newDataId();
    this.data.set(dataId, new SparseBucket(sparse, shape));
    return { dataId, shape, dtype: 'float32' };
  }

  /** The non-zero rows of a tensor that is stored so, else null. */
  sparseRows(tensor: TensorInfo): SparseRows | null {
    const bucket = this.data.get(tensor.dataId);
    return bucket instanceof SparseBucket ? bucket.sparse : null;
  }

  /** The recurrent kernel `[hidden, 4 hidden]`, packed. */
  recurrent(kernel: TensorInfo, precision: Precision = 'f32'): RecurrentWeights {
    return this.packed(
      kernel,
      `recurrent ${precision}`,
      () => new this.addon.RecurrentWeights(kernel.shape[0]!, precision),
    );
  }

  /** The output kernel `[vocabulary, hidden]`, packed. */
  vocabulary(kernel: TensorInfo, precision: Precision = 'f32'): VocabularyWeights {
    return this.packed(
      kernel,
      `vocabulary ${precision}`,
      () => new this.addon.VocabularyWeights(kernel.shape[0]!, kernel.shape[1]!, precision),
    );
  }

  /** Gives a tensor an array of its own, where a kernel of tfjs let it lie in that of another. */
  own(dataId: DataId): void {
    const bucket = this.data.get(dataId);
    const { complexTensorInfos } = bucket;
    if (complexTensorInfos !== undefined) {
      for (const part of [complexTensorInfos.real, complexTensorInfos.imag]) this.own(part.dataId);
    } else if (ArrayBuffer.isView(bucket.values)) {
      bucket.values = (bucket.values as Float32Array).slice();
    }
  }

  /** Must be called by every kernel that changes a tensor's numbers in place. */
  changed(tensor: TensorInfo): void {
    for (const packed of this.packs.get(tensor.dataId)?.values() ?? []) packed.current = false;
  }

  private packed<Weights extends RecurrentWeights | VocabularyWeights>(
    kernel: TensorInfo,
    kind: string,
    create: () => Weights,
  ): Weights {
    let kinds = this.packs.get(kernel.dataId);
    if (kinds === undefined) {
      kinds = new Map();
      this.packs.set(kernel.dataId, kinds);
    }
    let packed = kinds.get(kind) as Packed<Weights> | undefined;
    if (packed === undefined) {
      packed = { weights: create(), current: false };
      kinds.set(kind, packed);
    }
    if (!packed.current) {
      packed.weights.pack(this.floats(kernel));
      packed.current = true;
    }
    return packed.weights;
  }
}
