// The library: what a program imports, and what a plugin is defined with. It is kept stable; what a definition may be built
// from, tensors and networks among it, is `sri/parts`.
//
//     import { encode, openRun, prepareCorpus, train } from 'sri';
//
//     await prepareCorpus({ config: 'reviews.yaml', text: 'reviews.txt' });
//     const { folder } = await train({ config: 'reviews.yaml' });
//     const run = await openRun(folder);
//     const { mean, latentSize } = await encode(run, ['the food was cold']);
//     run.dispose();

export type { RunConfig } from './config/schema.js';
export { type DataSetDefinition, type DataSetSpec, defineDataSet, rawNames } from './data/define-data-set.js';
export type { PreparationReport } from './data/prepare.js';
export type { SplitName } from './data/splits.js';
export { InputError, InterruptedError } from './errors.js';
export {
  defineMetric,
  type MeasuringContext,
  type MetricDefinition,
  type MetricSpec,
} from './evaluation/define-metric.js';
export type { MeasuredQuantity, Measurement } from './evaluation/measurement.js';
export {
  defineEstimator,
  type EstimatorContext,
  type EstimatorDefinition,
  type EstimatorSpec,
} from './evaluation/perplexity/define-estimator.js';
export type { PerplexityEstimator, SentenceEstimate } from './evaluation/perplexity/estimator.js';
export type { DecodingRequest } from './experiments/decode-texts.js';
export type { Encoding, UnknownGivenWords } from './experiments/encode.js';
export type { EvaluationRequest } from './experiments/evaluate.js';
export type { OpenRun } from './experiments/open-run.js';
export { type Plugin, plugins } from './experiments/plugins.js';
export type { Following, RowEvent, Stage, WarningEvent } from './experiments/progress.js';
export type { Results } from './experiments/report.js';
export type { ReproductionEvent } from './experiments/reproduce/reproduce.js';
export {
  type CorpusRequest,
  decode,
  encode,
  evaluate,
  loadPlugin,
  type MeasuringRequest,
  type OpeningRequest,
  type Overrides,
  openRun,
  prepareCorpus,
  type ReproductionSpec,
  reproduce,
  type TrainedRun,
  type TrainingRequest,
  train,
} from './library.js';
export {
  defineMethod,
  type Method,
  type MethodCost,
  type MethodDefinition,
  type Selection,
} from './methods/define-method.js';
export type {
  Inference,
  InferenceContext,
  Iteration,
  LanguageModel,
  LatentVariableModel,
  Learner,
  Model,
  Position,
  Update,
} from './methods/method.js';
export type { Decoding } from './model/decoding.js';
export { type DecoderDefinition, type DecoderSpec, defineDecoder } from './model/define-decoder.js';
export {
  defineFigure,
  type FigureChart,
  type FigureDefinition,
  type FigureFiles,
  type FigureKey,
  type FigureSpec,
  type MadeFigure,
} from './report/define-figure.js';
export { defineTable, type TableDefinition, type TableKey, type TableSpec } from './report/define-table.js';
export type { Need, Product, Varying } from './report/product.js';
export type { Column, Table } from './report/table.js';
export type { MeasuredRun } from './runs/measured-run.js';
export type { MeasuredRow } from './runs/row.js';
export type { Manifest } from './runs/run-folder.js';
export type { DecodedText } from './runs/texts.js';
export type { TrainingEvent } from './training/train.js';
