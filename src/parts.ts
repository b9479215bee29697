// What a definition may be built from: the program's own tensors, networks, losses, draws and statistics. A plugin must take
// tfjs and zod from here, so that there is one of each. What is here may change with a minor version.

export * as tf from '@tensorflow/tfjs-core';
export { z } from 'zod';
export { count, notNegative, positive, wholeNumber } from './config/numbers.js';
export type { Batch } from './data/batches.js';
export type { PreparedCorpus } from './data/corpus.js';
export { drawsOfChains } from './evaluation/define-metric.js';
export { countNotFinite, divergenceWarnings, meanRow } from './evaluation/measurement.js';
export {
  DefensiveMixture,
  estimateByImportance,
  proposalStream,
  summarizeWeights,
} from './evaluation/perplexity/importance.js';
export { GaussianProposal, PriorProposal, type Proposal, StudentProposal } from './evaluation/perplexity/proposals.js';
export { SentenceMean, sentenceValues } from './evaluation/statistics.js';
export { GaussianPosterior, PointPosterior, sampleGaussian } from './inference/amortized.js';
export { type DiagonalGaussian, nllInPieces, type Posterior, priorDraws } from './inference/posterior.js';
export { drawNormals, type SentenceKeys } from './inference/sentence-noise.js';
export { ShortRunPosterior } from './inference/short-run-posterior.js';
export { AmortizedModel, dimensionKl, type LossParts, Vae } from './methods/amortized-model.js';
export { KL_WEIGHT_DEFAULTS, type KlWeightKeys, klWeightAt, klWeightKeys } from './methods/kl-weight.js';
export { createDecoder } from './model/decoders.js';
export { decodeSentences } from './model/decoding.js';
export { type DropoutMasks, disposeMasks, drawMasks, NO_DROPOUT } from './model/dropout-masks.js';
export type { DecoderFlops, DecoderShape, DecoderState, LatentDecoder, TokenBatch } from './model/latent-decoder.js';
export type { BatchLikelihood, ConditionalLikelihood, LangevinSchedule } from './model/likelihood.js';
export { type EncodedBatch, Encoder } from './model/lstm/encoder.js';
export { OutputLayer } from './model/output-layer.js';
export { Parameters } from './model/parameters.js';
export {
  type PortableDecoder,
  PortableLikelihood,
  type PortableShape,
  portableLikelihood,
  portableNll,
} from './model/portable-likelihood.js';
export { embedWords } from './model/word-vectors.js';
export { RandomStream, type StreamKey } from './random/philox.js';
export { type LineFigure, lineFigure } from './report/figures/lines.js';
export type { ReadingTable } from './report/layout.js';
export { metricTable } from './report/metric-table.js';
export type { ChartSeries, ChartView } from './report/page-numbers.js';
export { readingTable } from './report/reading.js';
export { bySeeds, meanOverSeeds, SEEDS_PROVENANCE, type SeedMean, type Seeds } from './report/seeds.js';
export { decimals, inPaperOrder, makeTable, methodLabel, PROVENANCE, significant } from './report/table.js';
export { chooseRow } from './runs/measured-run.js';
export { finiteOrNull, type ResultRow } from './runs/row.js';
export { type MeanEstimate, meanEstimate } from './statistics.js';
