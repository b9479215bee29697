// TensorFlow's own operations, called one by one through the binding of tfjs-node: a call is a few microseconds, where the
// same through tfjs is tens, and a chain makes ten thousand of them. Shapes and dtypes are the caller's to get right.

import * as tf from '@tensorflow/tfjs-core';

/** What of tfjs-node's backend is used here; its types are not, since the package is an optional peer. */
export interface TensorFlowBackend extends tf.KernelBackend {
  binding: Record<'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_ATTR_INT' | 'TF_FLOAT' | 'TF_INT32', number>;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: tf.TensorInfo[], outputs: number): tf.Tensor[];
}

interface Attribute {
  name: string;
  type: number;
  value: number | boolean;
}

/** A tensor as kernels see it: shape, dtype and a handle on the data. */
export type Info = tf.TensorInfo;

/** Float operations; each result is a tensor of the enclosing tidy. */
export class Operations {
  private readonly float: Attribute;
  private readonly index: Attribute;
  /** Axes and sizes, which TensorFlow wants as tensors; each is made once. */
  private readonly constants = new Map<string, tf.Tensor>();

  constructor(readonly backend: TensorFlowBackend) {
    const { TF_FLOAT, TF_INT32 } = backend.binding;
    this.float = this.type('T', TF_FLOAT);
    this.index = this.type('Tidx', TF_INT32);
  }

  add(a: Info, b: Info): tf.Tensor {
    return this.one('AddV2', [this.float], [a, b]);
  }

  subtract(a: Info, b: Info): tf.Tensor {
    return this.one('Sub', [this.float], [a, b]);
  }

  multiply(a: Info, b: Info): tf.Tensor {
    return this.one('Mul', [this.float], [a, b]);
  }

  /** The sum of any number of tensors of one shape. */
  sum(tensors: readonly Info[]): tf.Tensor {
    return this.one('AddN', [this.integer('N', tensors.length), this.float], [...tensors]);
  }

  sigmoid(x: Info): tf.Tensor {
    return this.one('Sigmoid', [this.float], [x]);
  }

  tanh(x: Info): tf.Tensor {
    return this.one('Tanh', [this.float], [x]);
  }

  exp(x: Info): tf.Tensor {
    return this.one('Exp', [this.float], [x]);
  }

  log(x: Info): tf.Tensor {
    return this.one('Log', [this.float], [x]);
  }

  /** dy y (1 - y), from the sigmoid's value y. */
  sigmoidGradient(y: Info, dy: Info): tf.Tensor {
    return this.one('SigmoidGrad', [this.float], [y, dy]);
  }

  /** dy (1 - y^2), from the hyperbolic tangent's value y. */
  tanhGradient(y: Info, dy: Info): tf.Tensor {
    return this.one('TanhGrad', [this.float], [y, dy]);
  }

  product(a: Info, b: Info, transposeA = false, transposeB = false): tf.Tensor {
    const attributes = [this.boolean('transpose_a', transposeA), this.boolean('transpose_b', transposeB), this.float];
    return this.one('MatMul', attributes, [a, b]);
  }

  /** Over the last axis. */
  softmax(logits: Info): tf.Tensor {
    return this.one('Softmax', [this.float], [logits]);
  }

  /** Rows of a matrix. */
  gather(matrix: Info, rows: Info): tf.Tensor {
    const { TF_FLOAT, TF_INT32 } = this.backend.binding;
    const attributes = [
      this.integer('batch_dims', 0),
      this.type('Tparams', TF_FLOAT),
      this.type('Tindices', TF_INT32),
      this.type('Taxis', TF_INT32),
    ];
    return this.one('GatherV2', attributes, [matrix, rows, this.constant(0)]);
  }

  /** Equal parts along an axis. */
  split(x: Info, parts: number, axis: number): tf.Tensor[] {
    const attributes = [this.integer('num_split', parts), this.float];
    return this.backend.executeMultipleOutputs('Split', attributes, [this.constant(axis), x], parts);
  }

  /** Parts of the given sizes along an axis. */
  splitSizes(x: Info, sizes: number[], axis: number): tf.Tensor[] {
    const { TF_INT32 } = this.backend.binding;
    const attributes = [this.integer('num_split', sizes.length), this.float, this.type('Tlen', TF_INT32)];
    const inputs = [x, this.constant(sizes), this.constant(axis)];
    return this.backend.executeMultipleOutputs('SplitV', attributes, inputs, sizes.length);
  }

  /** Of floats, or of whole numbers. */
  concatenate(parts: readonly Info[], axis: number): tf.Tensor {
    // TensorFlow takes two or more.
    if (parts.length === 1) return this.one('Identity', [this.typeOf(parts[0]!)], [parts[0]!]);
    const attributes = [this.integer('N', parts.length), this.typeOf(parts[0]!), this.index];
    return this.one('ConcatV2', attributes, [...parts, this.constant(axis)]);
  }

  /** Tensors of one shape as the entries of a new first axis. */
  stack(tensors: readonly Info[]): tf.Tensor {
    return this.one('Pack', [this.integer('N', tensors.length), this.float, this.integer('axis', 0)], [...tensors]);
  }

  /** The entries of the first axis. */
  unstack(x: Info): tf.Tensor[] {
    const count = x.shape[0]!;
    const attributes = [this.integer('num', count), this.float, this.integer('axis', 0)];
    return this.backend.executeMultipleOutputs('Unpack', attributes, [x], count);
  }

  /** Of floats, or of whole numbers. */
  reshape(x: Info, shape: number[]): tf.Tensor {
    const attributes = [this.typeOf(x), this.type('Tshape', this.backend.binding.TF_INT32)];
    return this.one('Reshape', attributes, [x, this.constant(shape)]);
  }

  /** `size` rows of the first axis from row `start` on; of floats, or of whole numbers. */
  slice(x: Info, start: number, size: number): tf.Tensor {
    const rest = x.shape.slice(1);
    const attributes = [this.typeOf(x), this.type('Index', this.backend.binding.TF_INT32)];
    const begin = this.constant([start, ...rest.map(() => 0)]);
    return this.one('Slice', attributes, [x, begin, this.constant([size, ...rest])]);
  }

  /** The rows of x summed by segment: row i of the result is the sum of those whose segment is i. */
  segmentSum(x: Info, segments: Info, count: number): tf.Tensor {
    const { TF_INT32 } = this.backend.binding;
    const attributes = [this.float, this.type('Tindices', TF_INT32), this.type('Tnumsegments', TF_INT32)];
    return this.one('UnsortedSegmentSum', attributes, [x, segments, this.constant(count)]);
  }

  reduceSum(x: Info, axis: number, keepAxis = false): tf.Tensor {
    return this.reduce('Sum', x, axis, keepAxis);
  }

  reduceMax(x: Info, axis: number, keepAxis = false): tf.Tensor {
    return this.reduce('Max', x, axis, keepAxis);
  }

  private reduce(name: string, x: Info, axis: number, keepAxis: boolean): tf.Tensor {
    const attributes = [this.boolean('keep_dims', keepAxis), this.float, this.index];
    return this.one(name, attributes, [x, this.constant(axis)]);
  }

  private constant(value: number | number[]): tf.Tensor {
    const key = JSON.stringify(value);
    let tensor = this.constants.get(key);
    if (tensor === undefined) {
      tensor = tf.keep(typeof value === 'number' ? tf.scalar(value, 'int32') : tf.tensor1d(value, 'int32'));
      this.constants.set(key, tensor);
    }
    return tensor;
  }

  private one(name: string, attributes: Attribute[], inputs: Info[]): tf.Tensor {
    return this.backend.executeSingleOutput(name, attributes, inputs);
  }

  private typeOf({ dtype }: Info): Attribute {
    return dtype === 'int32' ? this.type('T', this.backend.binding.TF_INT32) : this.float;
  }

  private type(name: string, value: number): Attribute {
    return { name, type: this.backend.binding.TF_ATTR_TYPE, value };
  }

  private integer(name: string, value: number): Attribute {
    return { name, type: this.backend.binding.TF_ATTR_INT, value };
  }

  private boolean(name: string, value: boolean): Attribute {
    return { name, type: this.backend.binding.TF_ATTR_BOOL, value };
  }
}
