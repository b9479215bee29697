// p(x | z) by a small causal Transformer (Vaswani et al. 2017) whose layers normalize what goes in (pre-norm: Xiong et al.
// 2020). z is projected and added to every input vector, the "embedding" scheme of Optimus (Li et al., EMNLP 2020).

import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../../ops/gelu.js';
import type { Purpose, StreamKey } from '../../random/philox.js';
import { type DropoutMasks, drawMasks } from '../dropout-masks.js';
import type { DecoderFlops, LatentDecoder, LikelihoodOptions, TokenBatch } from '../latent-decoder.js';
import { OutputLayer } from '../output-layer.js';
import type { Parameters } from '../parameters.js';
import {
  type PortableDecoder,
  type PortableLikelihood,
  type PortableShape,
  portableLikelihood,
  portableNll,
} from '../portable-likelihood.js';
import type { SampledVocabulary } from '../sampled-vocabulary.js';
import { embedWords } from '../word-vectors.js';

/** What the names of its weights begin with. */
const PREFIX = 'decoder.transformer.';

/** Width of the inner layer of the two that follow attention, in units of `hiddenSize` (Vaswani et al. 2017). */
const EXPANSION = 4;

/** Added to a variance before its root is taken. */
const EPSILON = 1e-5;

/** Added to the score of a word that comes later: its share after softmax is zero in single precision. */
const HIDDEN_SCORE = -1e9;

export interface TransformerShape extends PortableShape {
  layers: number;
  /** Attention heads of a layer; a divisor of `hiddenSize`. */
  heads: number;
}

/** What has been read, a row for each sentence that is being written. */
export type TransformerState = {
  /** What z adds to every input vector, `[rows, hidden]`. */
  latent: tf.Tensor2D;
  /** Of each layer, the keys of the words so far, `[rows, heads, words, hidden / heads]`; none before the first word. */
  keys: tf.Tensor4D[];
  /** Their values, as `keys`. */
  values: tf.Tensor4D[];
};

/** Layer normalization's gain, as what it differs by from 1, and its shift; `[hidden]`. */
interface Norm {
  gain: tf.Variable<tf.Rank.R1>;
  shift: tf.Variable<tf.Rank.R1>;
}

interface Layer {
  attentionNorm: Norm;
  /** To queries, keys and values, `[hidden, 3 hidden]`. */
  attentionKernel: tf.Variable<tf.Rank.R2>;
  /** From all heads' findings, `[hidden, hidden]`. */
  mixKernel: tf.Variable<tf.Rank.R2>;
  feedForwardNorm: Norm;
  /** `[hidden, 4 hidden]` */
  expandKernel: tf.Variable<tf.Rank.R2>;
  expandBias: tf.Variable<tf.Rank.R1>;
  /** `[4 hidden, hidden]` */
  contractKernel: tf.Variable<tf.Rank.R2>;
  contractBias: tf.Variable<tf.Rank.R1>;
}

export class TransformerDecoder implements LatentDecoder<TransformerState>, PortableDecoder {
  readonly latentSize: number;
  private readonly wordVectors: tf.Variable<tf.Rank.R2>;
  private readonly wordKernel: tf.Variable<tf.Rank.R2>;
  private readonly latentKernel: tf.Variable<tf.Rank.R2> | null;
  private readonly layers: Layer[];
  private readonly finalNorm: Norm;
  private readonly output: OutputLayer;

  /**
   * Adds the decoder's weights to `parameters`. Its products start as Glorot and Bengio 2010 have it, since what a sum of
   * many layers needs depends on their sizes; its biases and norms at zero and one.
   * @param weightRange the output layer's weights start from U(-weightRange, weightRange).
   */
  constructor(
    parameters: Parameters,
    readonly shape: TransformerShape,
    weightRange: number,
    wordVectorRange: number,
  ) {
    const { vocabularySize: V, wordVectorSize: E, hiddenSize: H, latentSize: Z } = shape;
    const product = (name: string, from: number, to: number, fanOut = to) =>
      parameters.add<tf.Rank.R2>(`${PREFIX}${name}`, [from, to], Math.sqrt(6 / (from + fanOut)));
    const zeros = (name: string, size: number) => parameters.add<tf.Rank.R1>(`${PREFIX}${name}`, [size], 0);
    const norm = (name: string): Norm => ({ gain: zeros(`${name}.gain`, H), shift: zeros(`${name}.shift`, H) });
    this.latentSize = Z;
    this.wordVectors = parameters.add<tf.Rank.R2>(`${PREFIX}wordVectors`, [V, E], wordVectorRange);
    this.wordKernel = product('wordKernel', E, H);
    this.latentKernel = Z === 0 ? null : product('latentKernel', Z, H);
    this.layers = Array.from({ length: shape.layers }, (_, l) => ({
      attentionNorm: norm(`${l}.attentionNorm`),
      // Three products side by side, each from H to H.
      attentionKernel: product(`${l}.attentionKernel`, H, 3 * H, H),
      mixKernel: product(`${l}.mixKernel`, H, H),
      feedForwardNorm: norm(`${l}.feedForwardNorm`),
      expandKernel: product(`${l}.expandKernel`, H, EXPANSION * H),
      expandBias: zeros(`${l}.expandBias`, EXPANSION * H),
      contractKernel: product(`${l}.contractKernel`, EXPANSION * H, H),
      contractBias: zeros(`${l}.contractBias`, H),
    }));
    this.finalNorm = norm('finalNorm');
    this.output = new OutputLayer(parameters, PREFIX, [V, H], weightRange);
  }

  masks(batch: TokenBatch, words: Purpose, outputs: Purpose, key: Omit<StreamKey, 'purpose'>): DropoutMasks {
    return drawMasks(this.shape, batch, words, outputs, key);
  }

  sentenceNll(batch: TokenBatch, z: tf.Tensor2D | null, masks?: DropoutMasks): tf.Tensor1D {
    return portableNll(this, batch, z, masks);
  }

  likelihood(batch: TokenBatch, masks?: DropoutMasks, options?: LikelihoodOptions): PortableLikelihood {
    return portableLikelihood(this, batch, masks, options);
  }

  start(z: tf.Tensor2D | null, rows: number): TransformerState {
    return { latent: tf.tidy(() => this.latentVectors(z, rows)), keys: [], values: [] };
  }

  step(state: TransformerState, words: Int32Array): { state: TransformerState; logProbabilities: Float32Array } {
    const { latent } = state;
    const before = state.keys[0]?.shape[2] ?? 0;
    // Not returned through tidy, which would look for tensors among the numbers.
    let logProbabilities: Float32Array = new Float32Array();
    const read = tf.tidy(() => {
      const position = positions(before, 1, this.shape.hiddenSize);
      const inputs = tf.reshape(this.wordInputs(words, [1, words.length], null), latent.shape);
      const { hidden, keys, values } = this.run(tf.add(tf.add(inputs, position), latent), words.length, state, null);
      logProbabilities = this.output.logProbabilities(hidden);
      return { keys, values };
    });
    return { state: { latent, ...read }, logProbabilities };
  }

  select({ latent, keys, values }: TransformerState, rows: readonly number[]): TransformerState {
    return tf.tidy(() => {
      const kept = tf.tensor1d([...rows], 'int32');
      const select = <R extends tf.Tensor>(tensor: R): R => tf.gather(tensor, kept);
      return { latent: select(latent), keys: keys.map(select), values: values.map(select) };
    });
  }

  /** All of it at every new z. Attention scores every pair of words, though half of them count for nothing. */
  flops({ size, tokens }: Pick<TokenBatch, 'size' | 'tokens'>, V = this.shape.vocabularySize): DecoderFlops {
    const { hiddenSize: H, wordVectorSize: E, layers } = this.shape;
    const layer = 2 * (4 + 2 * EXPANSION) * H * H + 4 * tokens * H;
    return { words: 0, latent: size * tokens * (2 * E * H + layers * layer + 2 * V * H) };
  }

  tokenNll(
    batch: TokenBatch,
    z: tf.Tensor2D | null,
    masks: DropoutMasks,
    vocabulary: SampledVocabulary | null = null,
  ): tf.Tensor2D {
    return tf.tidy(() => {
      const { size, tokens } = batch;
      const { hiddenSize: H } = this.shape;
      const rows = z === null ? size : z.shape[0];
      const words = tf.tile(this.wordInputs(batch.inputs, [tokens, size], masks.words), [1, rows / size, 1]);
      const placed = tf.add(words, tf.reshape(positions(0, tokens, H), [tokens, 1, H]));
      const inputs = tf.transpose(tf.add(placed, this.latentVectors(z, rows)), [1, 0, 2]);
      const nothing = { keys: [], values: [] };
      const { hidden } = this.run(tf.reshape(inputs, [rows * tokens, H]), rows, nothing, causalScores(tokens));
      const timeMajor = tf.transpose(tf.reshape(hidden, [rows, tokens, H]), [1, 0, 2]) as tf.Tensor3D;
      return this.output.tokenNll(timeMajor, batch, masks.outputs, vocabulary);
    });
  }

  /**
   * All layers over some words.
   * @param inputs `[rows * words, hidden]`, row by row.
   * @param before keys and values of each layer's words before these.
   * @param scores added to the score of each word, `[words, all words]`, or null for nothing.
   * @returns the last layer's vectors, normalized, as `inputs`; and the keys and values with those of these words.
   */
  private run(
    inputs: tf.Tensor2D,
    rows: number,
    before: Pick<TransformerState, 'keys' | 'values'>,
    scores: tf.Tensor2D | null,
  ): { hidden: tf.Tensor2D; keys: tf.Tensor4D[]; values: tf.Tensor4D[] } {
    const keys: tf.Tensor4D[] = [];
    const values: tf.Tensor4D[] = [];
    let hidden = inputs;
    this.layers.forEach((layer, l) => {
      const projected = tf.matMul(normalized(hidden, layer.attentionNorm), layer.attentionKernel);
      const [queries, newKeys, newValues] = tf.split(projected, 3, 1).map((part) => this.byHead(part, rows)) as [
        tf.Tensor4D,
        tf.Tensor4D,
        tf.Tensor4D,
      ];
      const key = extended(before.keys[l], newKeys);
      const value = extended(before.values[l], newValues);
      keys.push(key);
      values.push(value);
      const found = tf.reshape(tf.transpose(attended(queries, key, value, scores), [0, 2, 1, 3]), inputs.shape);
      hidden = tf.add(hidden, tf.matMul(found, layer.mixKernel));
      const expanded = tf.add(
        tf.matMul(normalized(hidden, layer.feedForwardNorm), layer.expandKernel),
        layer.expandBias,
      ) as tf.Tensor2D;
      hidden = tf.add(hidden, tf.add(tf.matMul(gelu(expanded), layer.contractKernel), layer.contractBias));
    });
    return { hidden: normalized(hidden, this.finalNorm), keys, values };
  }

  /** `[rows * words, hidden]` to `[rows, heads, words, hidden / heads]`. */
  private byHead(vectors: tf.Tensor, rows: number): tf.Tensor4D {
    const { hiddenSize: H, heads } = this.shape;
    const words = vectors.shape[0]! / rows;
    return tf.transpose(tf.reshape(vectors, [rows, words, heads, H / heads]), [0, 2, 1, 3]) as tf.Tensor4D;
  }

  /** The words' vectors as the first layer takes them, `[tokens, batch, hidden]`; longer by sqrt(E), as Vaswani et al. have it. */
  private wordInputs(ids: Int32Array, size: [tokens: number, batch: number], mask: tf.Tensor3D | null): tf.Tensor3D {
    const { wordVectorSize: E, hiddenSize: H } = this.shape;
    const vectors = tf.mul(embedWords(this.wordVectors, ids, size, mask), Math.sqrt(E));
    return tf.reshape(tf.matMul(tf.reshape(vectors, [size[0] * size[1], E]) as tf.Tensor2D, this.wordKernel), [
      ...size,
      H,
    ]);
  }

  private latentVectors(z: tf.Tensor2D | null, rows: number): tf.Tensor2D {
    if (this.latentKernel === null || z === null) return tf.zeros([rows, this.shape.hiddenSize]);
    return tf.matMul(z, this.latentKernel);
  }
}

/** Scaled dot-product attention: softmax(q k' / sqrt(size) + scores) v, of each row and head. */
function attended(
  queries: tf.Tensor4D,
  keys: tf.Tensor4D,
  values: tf.Tensor4D,
  scores: tf.Tensor2D | null,
): tf.Tensor4D {
  const products = tf.div(tf.matMul(queries, keys, false, true), Math.sqrt(queries.shape[3]));
  return tf.matMul(tf.softmax(scores === null ? products : tf.add(products, scores)) as tf.Tensor4D, values);
}

function extended(before: tf.Tensor4D | undefined, added: tf.Tensor4D): tf.Tensor4D {
  return before === undefined ? added : tf.concat([before, added], 2);
}

/** Each row to mean 0 and variance 1 (Ba et al. 2016), then gain and shift. */
function normalized(x: tf.Tensor2D, { gain, shift }: Norm): tf.Tensor2D {
  const { mean, variance } = tf.moments(x, 1, true);
  const standard = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, EPSILON)));
  return tf.add(tf.mul(standard, tf.add(gain, 1)), shift);
}

/** What each word's scores of all words need for it to see none that comes later, `[tokens, tokens]`. */
function causalScores(tokens: number): tf.Tensor2D {
  const scores = Float32Array.from({ length: tokens * tokens }, (_, i) =>
    i % tokens > Math.floor(i / tokens) ? HIDDEN_SCORE : 0,
  );
  return tf.tensor2d(scores, [tokens, tokens]);
}

/** Sines and cosines of each place's number at falling rates (Vaswani et al. 2017), `[count, size]`; good for any length. */
function positions(from: number, count: number, size: number): tf.Tensor2D {
  const values = Float32Array.from({ length: count * size }, (_, i) => {
    const [place, unit] = [from + Math.floor(i / size), i % size];
    const angle = place / 10000 ** ((unit - (unit % 2)) / size);
    return unit % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return tf.tensor2d(values, [count, size]);
}
