// The webgpu backend: tensors live on the GPU and are read only where the program needs their numbers. A tensor made from
// numbers goes there when a kernel first wants it. What no kernel here computes is computed on the processor, through a
// read, and counted.

import * as tf from '@tensorflow/tfjs-core';
import type { Gpu, GpuBuffer } from './gpu.js';

type DataId = tf.TensorInfo['dataId'];
type Values = tf.backend_util.BackendValues;

/** Where a tensor's numbers are: here or on the GPU, never both. Each takes four bytes there, truth values too. */
interface Bucket {
  readonly dtype: tf.DataType;
  readonly size: number;
  refCount: number;
  values: Values | null;
  buffer: GpuBuffer | null;
}

export class WebgpuBackend extends tf.KernelBackend {
  private readonly data = new tf.DataStorage<Bucket>(this, tf.engine());
  private issued = 0;
  private readonly packs = new Map<DataId, Map<string, GpuBuffer>>();
  /** Times the program waited for numbers. */
  reads = 0;

  constructor(readonly gpu: Gpu) {
    super();
  }

  /** A new tensor for a kernel to fill; its content is arbitrary. */
  make(shape: readonly number[], dtype: tf.DataType = 'float32'): { info: tf.TensorInfo; buffer: GpuBuffer } {
    const size = tf.util.sizeFromShape([...shape]);
    const buffer = this.gpu.take(4 * Math.max(1, size));
    const dataId = this.register({ dtype, size, refCount: 1, values: null, buffer });
    return { info: { dataId, shape: [...shape], dtype }, buffer };
  }

  /** A tensor's numbers on the GPU. */
  buffer({ dataId }: tf.TensorInfo): GpuBuffer {
    const bucket = this.data.get(dataId);
    if (bucket.buffer === null) {
      bucket.buffer = this.gpu.take(4 * Math.max(1, bucket.size), true);
      if (bucket.size > 0) this.gpu.write(bucket.buffer, asWords(bucket.values!, bucket.dtype));
      bucket.values = null;
    }
    return bucket.buffer;
  }

  /**
   * The tensor in another arrangement, kept until its numbers change.
   * @param arrange fills the memory that it is given.
   */
  packed(tensor: tf.TensorInfo, kind: string, bytes: number, arrange: (to: GpuBuffer) => void): GpuBuffer {
    const kinds = this.packs.get(tensor.dataId) ?? new Map<string, GpuBuffer>();
    this.packs.set(tensor.dataId, kinds);
    const known = kinds.get(kind);
    if (known !== undefined) return known;
    const made = this.gpu.take(bytes);
    arrange(made);
    kinds.set(kind, made);
    return made;
  }

  /** Must be called by every kernel that changes a tensor's numbers in place. */
  changed({ dataId }: tf.TensorInfo): void {
    for (const buffer of this.packs.get(dataId)?.values() ?? []) this.gpu.give(buffer);
    this.packs.delete(dataId);
  }

  /** A tensor's numbers under another shape. */
  alias({ dataId, dtype }: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
    this.incRef(dataId);
    return { dataId, dtype, shape: [...shape] };
  }

  override write(values: Values, shape: number[], dtype: tf.DataType): DataId {
    return this.register({ dtype, size: tf.util.sizeFromShape(shape), refCount: 1, values, buffer: null });
  }

  override move(dataId: DataId, values: Values, shape: number[], dtype: tf.DataType, refCount: number): void {
    this.data.set(dataId, { dtype, size: tf.util.sizeFromShape(shape), refCount, values, buffer: null });
  }

  override readSync(dataId: DataId): Values {
    const { dtype, size, values, buffer } = this.data.get(dataId);
    if (values !== null) return ArrayBuffer.isView(values) ? (values as Float32Array).slice() : values;
    this.reads++;
    const words = dtype === 'float32' ? new Float32Array(size) : new Int32Array(size);
    if (size > 0) this.gpu.read(buffer!, words);
    return dtype === 'bool' ? Uint8Array.from(words) : words;
  }

  override read(dataId: DataId): Promise<Values> {
    return Promise.resolve(this.readSync(dataId));
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.data.has(dataId)) return true;
    const bucket = this.data.get(dataId);
    bucket.refCount--;
    if (!force && bucket.refCount > 0) return false;
    this.changed({ dataId, shape: [], dtype: bucket.dtype });
    if (bucket.buffer !== null) this.gpu.give(bucket.buffer);
    this.data.delete(dataId);
    return true;
  }

  override incRef(dataId: DataId): void {
    this.data.get(dataId).refCount++;
  }

  override refCount(dataId: DataId): number {
    return this.data.has(dataId) ? this.data.get(dataId).refCount : 0;
  }

  override numDataIds(): number {
    return this.data.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {}

  private register(bucket: Bucket): DataId {
    const dataId = { id: this.issued++ };
    this.data.set(dataId, bucket);
    return dataId;
  }
}

function asWords(values: Values, dtype: tf.DataType): Float32Array | Int32Array {
  if (dtype === 'float32')
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  return values instanceof Int32Array ? values : Int32Array.from(values as ArrayLike<number>);
}
