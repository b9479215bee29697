// What a run is made of, key by key. A *config file* (YAML) describes a data set and the methods tried on it;
// a *run* is one method, one setting and one seed of it, with every key decided. `load.ts` turns the first into
// the second. The descriptions here are what an error message prints when a value is not right, so each one
// says what the key means, in which unit, and which values it takes.

import { z } from 'zod';
import { TOKENIZERS } from '../data/tokenize.js';
import { BACKEND_CHOICES, PERPLEXITY_ESTIMATORS, PRECISIONS } from './choices.js';
import { isRunName } from './variations.js';

/** A method's name: letters and digits in lower case, `-` between. Which there are is for src/methods/registry.ts to say. */
const methodName = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/);

const positive = z.number().positive();
const notNegative = z.number().min(0);
const count = z.int().min(1);
const wholeNumber = z.int().min(0);
const dropoutRate = z.number().min(0).lt(1);

const data = z.strictObject({
  directory: z.string().min(1).describe('folder of the prepared corpus, relative to where sri is started'),
  vocabularySize: z
    .int()
    .min(3)
    .describe('types that the model predicts, the most frequent words with <unk> and </s>; a whole number from 3'),
  maxLength: count.describe('longest sentence in words, not counting </s>; a whole number from 1'),
  overLong: z.enum(['truncate', 'drop']).describe('what becomes of a longer sentence: truncate or drop'),
  lowercase: z.boolean().describe('whether text is lower-cased before anything else: true or false'),
  unknownToken: z.string().min(1).describe('how the raw text spells an unknown word, such as <unk> or _UNK'),
  tokenizer: z
    .enum(TOKENIZERS)
    .optional()
    .describe(
      'what a word is: whitespace (what stands between spaces, the default), or words (word boundaries by Unicode, also of writing without spaces)',
    ),
  labelColumn: z
    .enum(['auto', 'none', 'required'])
    .describe('whether a line is label<TAB>text: required, none, or auto (decided by the first line)'),
  header: z.boolean().describe('whether the first line of each file names the columns and is left out: true or false'),
});

export const DECODER_NAMES = ['lstm', 'gru', 'transformer'] as const;

const model = z
  .strictObject({
    decoder: z.enum(DECODER_NAMES).describe(`what p(x | z) is made of: one of ${DECODER_NAMES.join(', ')}`),
    latentSize: count.describe('Z, dimensions of the latent code; a whole number from 1'),
    wordVectorSize: count.describe('E, dimensions of a word vector; a whole number from 1'),
    hiddenSize: count.describe('H, units of the decoder and of the encoder; a whole number from 1'),
    wordDropout: dropoutRate.describe(
      'share of the input word vectors that dropout zeroes in training, from 0 to below 1',
    ),
    outputDropout: dropoutRate.describe(
      'share of the hidden outputs that dropout zeroes in training, from 0 to below 1',
    ),
    weightRange: positive.describe('r of the initial weights, drawn from U(-r, r); a number above 0'),
    wordVectorRange: positive.describe('r of the initial word vectors, drawn from U(-r, r); a number above 0'),
    transformer: z
      .strictObject({
        layers: count.describe('layers of the transformer decoder; a whole number from 1'),
        heads: count.describe('attention heads of each layer; a whole number from 1 that divides model.hiddenSize'),
      })
      .describe('sizes of the transformer decoder: {layers, heads}'),
  })
  .refine(({ decoder, hiddenSize, transformer }) => decoder !== 'transformer' || hiddenSize % transformer.heads === 0, {
    path: ['transformer', 'heads'],
    message: 'must divide model.hiddenSize',
  });

const optimizer = z.strictObject({
  name: z.enum(['adam', 'sgd']).describe('adam or sgd'),
  learningRate: positive.describe('learning rate at the start of training; a number above 0'),
  cosineEpochs: positive
    .nullable()
    .describe(
      'epochs over which the learning rate falls to 0 along half a cosine, and after which it starts anew; a number ' +
        'above 0, or null for a rate that decays alone lower',
    ),
  beta1: z.number().min(0).lt(1).describe("Adam's decay of the first moment, from 0 to below 1"),
  beta2: z.number().min(0).lt(1).describe("Adam's decay of the second moment, from 0 to below 1"),
  epsilon: positive.describe("Adam's epsilon; a number above 0"),
  clipNorm: positive
    .nullable()
    .describe(
      'largest global gradient norm, longer gradients are scaled down to it; a number above 0, or null for none',
    ),
});

const decay = z.strictObject({
  factor: z.number().gt(0).lt(1).describe('what the learning rate is multiplied with, between 0 and 1'),
  patience: z
    .union([wholeNumber, z.array(wholeNumber).min(1)])
    .describe(
      'epochs without a better validation loss before a decay: a whole number, or a list with one for each decay (a ' +
        'shorter list repeats its last); 0 for a decay after every epoch',
    ),
  fromEpoch: count.describe('first epoch, counted from 1, that may be followed by a decay; a whole number from 1'),
  atMost: count.describe('decays, the last of which ends training; a whole number from 1'),
  restoreBest: z.boolean().describe('whether the best weights so far return at a decay: true or false'),
});

const training = z.strictObject({
  batchSize: count.describe('B, sentences of equal length in a batch; a whole number from 1'),
  epochs: count.describe('passes over the training split, at most; a whole number from 1'),
  logEvery: count.describe('iterations between two lines of metrics.csv; a whole number from 1'),
  checkpointEvery: positive.describe('seconds between two checkpoints within an epoch; a number above 0'),
  decay: decay.nullable().describe('how the learning rate falls when validation stops improving, or null for never'),
  earlyStop: z
    .strictObject({
      patience: count.describe('epochs without a better validation loss before training ends; a whole number from 1'),
    })
    .nullable()
    .describe('when training ends before its last epoch, or null for never'),
  validationSentences: count
    .nullable()
    .describe(
      'sentences of the validation split, drawn at random, that each epoch is judged on; a whole number from 1, or null for all',
    ),
  validation: z
    .strictObject({
      draws: z.int().min(2).describe('importance draws a sentence; a whole number from 2'),
      chains: z
        .int()
        .min(3)
        .describe('short runs a sentence, which a fit to its posterior starts from; a whole number from 3'),
      metropolisSteps: count.describe('Metropolis-adjusted Langevin steps of each of those; a whole number from 1'),
    })
    .describe(
      "how exactly log p(x) of short runs is estimated after an epoch, by `fitted`: fewer draws than a published number's rank epochs, as each sees the same noise",
    ),
  select: z
    .enum(['best', 'last'])
    .describe("which weights are evaluated as the run's: best, by validation loss, or last, of the last epoch"),
  keepEpochs: z
    .array(count)
    .describe('epochs, counted from 1, whose weights are kept to be evaluated later; a list of whole numbers'),
});

/** The parts of a model that can start from another run's. */
export const STARTING_PARTS = ['encoder', 'decoder'] as const;
export type StartingPart = (typeof STARTING_PARTS)[number];

/** A method; of a study's variants, the run's whole name, such as `lstm-lm@hiddenSize-64`. */
const startName = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*(@[A-Za-z0-9._+-]+)?$/);

const startFrom = z.strictObject({
  encoder: startName
    .nullable()
    .describe("method whose run of the same seed gives the encoder's first weights, such as ae; null for none"),
  decoder: startName
    .nullable()
    .describe(
      "method whose run of the same seed gives the decoder's first weights, such as lstm-lm, which has none for the code: those stay fresh; null for none",
    ),
});

const growingTemperature = z.strictObject({
  start: notNegative.describe('tau of the first epochs; a number from 0'),
  growFromEpoch: count.describe('last epoch, counted from 1, that uses `start`; a whole number from 1'),
  growPerEpoch: notNegative.describe('what every later epoch adds to tau; a number from 0'),
  max: notNegative.describe('tau is never higher; a number from 0'),
});

const risingPriorWeight = z.strictObject({
  start: notNegative.describe('weight that training begins with; a number from 0'),
  warmupEpochs: count.describe('epochs over which the weight rises linearly to 1; a whole number from 1'),
  rises: z
    .enum(['epoch', 'iteration'])
    .describe('whether it rises from one epoch to the next, or with every iteration: epoch or iteration'),
});

const searchedDynamics = z
  .strictObject({
    stepSize: positive.optional().describe('s; a number above 0, that of langevin.stepSize where absent'),
    temperature: notNegative.optional().describe('tau; a number from 0, that of langevin.temperature where absent'),
    steps: count.optional().describe('K; a whole number from 1, that of langevin.steps where absent'),
  })
  .refine((candidate) => Object.keys(candidate).length > 0, {
    message: 'a candidate says stepSize, temperature or steps',
  });

const search = z.strictObject({
  every: z
    .union([z.literal('epoch'), count])
    .describe("T_s, when the step size is searched: 'epoch' for the start of each, or a number of iterations"),
  grid: z
    .array(z.union([positive, searchedDynamics]))
    .min(2)
    .describe(
      'candidates, two or more: step sizes s of eq. 7, numbers above 0, or {stepSize, temperature, steps}, each as langevin has it where absent',
    ),
  sentences: count.describe('sentences of the validation split that candidates are judged on; a whole number from 1'),
  criterion: z
    .enum(['bound', 'perplexity'])
    .describe(
      'how: bound (Q~, eq. 12, which prefers steps that hardly move where the model uses its code little), or perplexity (the bound on it by a Gaussian fitted to the ends of 64 chains a sentence, whatever noise led there)',
    ),
});

const langevin = z
  .strictObject({
    steps: count.describe('K, steps of the chain; a whole number from 1'),
    stepSize: z
      .union([positive, z.array(positive).min(1)])
      .describe('s of eq. 7: a number above 0, or a list with one for each step (a shorter list repeats its last)'),
    gradients: z
      .array(count)
      .min(1)
      .nullable()
      .describe(
        'how many consecutive steps share each gradient and prior term, as [1, 1, 2, 16] for 4 gradients of 20 steps; ' +
          'whole numbers from 1 that add up to langevin.steps, or null for a gradient a step',
      ),
    temperature: z
      .union([notNegative, growingTemperature])
      .describe('tau, the factor of the noise: a number from 0, or {start, growFromEpoch, growPerEpoch, max}'),
    evaluationTemperature: notNegative
      .nullable()
      .describe(
        "tau of the chains that evaluate, validation's too; a number from 0, or null for that of the weights' epoch",
      ),
    priorWeight: z
      .union([notNegative, risingPriorWeight])
      .describe("weight of the prior's term in the drift: a number from 0, or {start, warmupEpochs, rises}"),
    search: search
      .nullable()
      .describe(
        'how the step size is searched (Algorithm 1, step 1): {every, grid, sentences, criterion}, or null for never',
      ),
    dropout: z.boolean().describe('whether the chain sees dropout, one mask for the whole chain: true or false'),
    learnFrom: z
      .union([z.enum(['end', 'path']), z.strictObject({ points: count.describe('n; a whole number from 1') })])
      .describe(
        "codes that the decoder learns from: end (z_K: Algorithm 1), path (the authors' script: the sum over z_0 to " +
          'z_{K-1} and the batch, plus the mean over the batch at z_K), or {points: n} (the mean over z_K and n random ' +
          'points of z_0 to z_{K-1}); the path is seen with the dropout of the chain',
      ),
  })
  .refine(({ steps, stepSize }) => !Array.isArray(stepSize) || stepSize.length <= steps, {
    path: ['stepSize'],
    message: 'the list may not be longer than langevin.steps',
  })
  .refine(({ steps, gradients }) => gradients === null || sum(gradients) === steps, {
    path: ['gradients'],
    error: ({ input }) => {
      const { steps, gradients } = input as { steps: number; gradients: number[] };
      return `the list adds up to ${sum(gradients)} and langevin.steps is ${steps}: change either, or say null`;
    },
  })
  .refine(({ steps, learnFrom }) => typeof learnFrom === 'string' || learnFrom.points <= steps, {
    path: ['learnFrom', 'points'],
    message: 'the path has no more points to learn from than langevin.steps',
  })
  .refine(
    ({ search, learnFrom }) =>
      typeof learnFrom === 'string' ||
      (search?.grid ?? []).every((entry) => typeof entry === 'number' || (entry.steps ?? Infinity) >= learnFrom.points),
    { path: ['search', 'grid'], message: 'a candidate has fewer steps than langevin.learnFrom.points' },
  );

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

const klSchedule = z.strictObject({
  start: notNegative.describe('weight at the first update of a cycle; a number from 0'),
  warmupEpochs: positive.describe('epochs over which the weight rises linearly to 1; a number above 0'),
  cycleEpochs: positive
    .nullable()
    .describe('epochs after which the weight falls back to `start`; a number above 0, or null for never'),
});

const freeBits = z.strictObject({
  target: positive.describe('KL, nats a sentence, below which its gradient is zero; a number above 0'),
});

const aggressive = z.strictObject({
  updates: count.describe('encoder updates before a decoder update, at most; a whole number from 1'),
  window: count.describe('encoder updates whose mean loss must fall for them to go on; a whole number from 1'),
  sentences: count
    .nullable()
    .describe(
      'validation sentences, drawn at random, that the mutual information is measured on; while it rises, training ' +
        'stays aggressive; a whole number from 1, or null for all',
    ),
  information: z
    .enum(['sentences', 'batch'])
    .describe(
      'what the mutual information tells apart: `sentences`, all of them, or those of a batch, of which it knows at ' +
        'most log B nats',
    ),
  clipBy: z
    .enum(['updated', 'all'])
    .describe(
      "norm by which a gradient is clipped while training is aggressive: of the updated network's weights, or of all",
    ),
});

const autoencoder = z.strictObject({
  sampled: z
    .boolean()
    .describe("whether the code of the loss is a draw of the encoder's Gaussian, or its mean: true or false"),
});

const semiAmortized = z.strictObject({
  steps: count.describe('gradient steps that refine the mean and log variance; a whole number from 1'),
  learningRate: positive.describe('of those steps; a number above 0'),
  momentum: z.number().min(0).lt(1).describe('of those steps, from 0 to below 1'),
  clipNorm: positive.describe('largest norm of a gradient in a step; a number above 0'),
  scope: z
    .enum(['sentence', 'batch'])
    .describe(
      'whose loss a step descends: batch, its mean over the sentences, the gradients in all means and in all log ' +
        'variances clipped apart, or sentence, its share of a full batch, each gradient clipped by itself',
    ),
});

const evaluation = z.strictObject({
  estimator: z
    .enum(['auto', ...PERPLEXITY_ESTIMATORS])
    .describe(
      `of the perplexity of a model with a latent code: ${PERPLEXITY_ESTIMATORS.join(', ')}, or auto for the method's own (encoder where there is one, else fitted)`,
    ),
  draws: z.strictObject({
    fitted: z.int().min(2).describe('M, importance draws a sentence of `fitted`; a whole number from 2'),
    jacobian: z.int().min(2).describe('M, chains a sentence of `jacobian`; a whole number from 2'),
    encoder: z.int().min(2).describe('M, importance draws a sentence of `encoder`; a whole number from 2'),
    ais: z.int().min(2).describe('M, annealed chains a sentence of `ais`; a whole number from 2'),
  }),
  priorShare: z
    .number()
    .min(0)
    .lt(1)
    .describe(
      'share of the draws of `encoder` that come from the prior, so that no weight is unbounded; from 0, for the ' +
        "encoder's Gaussian alone, to below 1",
    ),
  chains: z.int().min(2).describe('chains a sentence that explore its posterior for `fitted`; a whole number from 2'),
  metropolisSteps: count.describe('Metropolis-adjusted Langevin steps of each of those chains; a whole number from 1'),
  studentDegrees: count
    .nullable()
    .describe('degrees of freedom of a Student t in place of the Gaussian of `fitted`; a whole number from 1, or null'),
  sentences: z
    .int()
    .min(2)
    .nullable()
    .describe('sentences of a split, drawn at random, that all is measured on; a whole number from 2, or null for all'),
  perplexitySentences: z
    .int()
    .min(2)
    .nullable()
    .describe('those of them that PPL and KL are measured on; a whole number from 2, or null for all'),
  temperatures: z.int().min(2).describe('levels between prior and posterior of `ais`; a whole number from 2'),
  aisSentences: z
    .int()
    .min(2)
    .nullable()
    .describe('sentences of a split, drawn at random, that `ais` is run on; a whole number from 2, or null for all'),
  inferenceChains: z
    .int()
    .min(3)
    .describe(
      'draws a sentence from what inference says of it, for Recon, AU, MI and noisy Recon; a whole number from 3, which ' +
        'MI takes',
    ),
  featureDraws: count.describe('draws a sentence whose mean is the feature of classification; a whole number from 1'),
  klChains: z.strictObject({
    jacobian: count.describe('chains a sentence that KL by `jacobian` is measured on; a whole number from 1'),
    gaussian: z
      .union([z.literal('auto'), wholeNumber])
      .describe(
        'the same for KL by `gaussian`: more than latentSize + 1; 0 leaves it out, auto takes 2 latentSize + 2',
      ),
  }),
});

/** Every key of a resolved run. */
export const runConfigSchema = z.strictObject({
  dataSet: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
    .describe('name of the data set, of the folder its runs go to, and of its results; letters, digits, . _ -'),
  method: methodName.describe('name of a method, such as sri'),
  setting: z.string().nullable().describe("name of the method's setting, or null where the method has one alone"),
  name: z
    .string()
    .describe(
      "the method, and what tells the run from the method's own: `@setting`, `@steps-40`, `@setting-steps-40`, `@hiddenSize-64`",
    ),
  seed: z
    .int()
    .min(0)
    .max(0xffffffff)
    .describe('what all randomness derives from; a whole number from 0 to 4294967295'),
  backend: z.enum(BACKEND_CHOICES).describe(`what computes: one of ${BACKEND_CHOICES.join(', ')}`),
  threads: z.union([z.literal('auto'), count]).describe('threads that compute: a whole number from 1, or auto'),
  precision: z.enum(PRECISIONS).describe("of the chain's matrix products: f32 or bf16"),
  data,
  model,
  optimizer,
  training,
  startFrom: startFrom
    .nullable()
    .describe(
      'other runs whose weights training starts from: {encoder, decoder}, each a method or null; null for none',
    ),
  langevin,
  klWeight: z
    .union([notNegative, klSchedule])
    .describe("weight of the KL in a VAE's loss: a number from 0, or {start, warmupEpochs, cycleEpochs}"),
  freeBits,
  aggressive,
  autoencoder,
  semiAmortized,
  evaluation,
});
export type RunConfig = z.infer<typeof runConfigSchema>;

/** A resolved run whose keys fit together: what a schema of single keys cannot say. */
export const wholeRunSchema = runConfigSchema
  .refine((run) => isRunName(run), {
    path: ['name'],
    message: 'the name of a run is its method, and behind an @ what tells it from the others',
  })
  .refine(
    ({ model, evaluation: { klChains } }) =>
      klChains.gaussian === 'auto' || klChains.gaussian === 0 || klChains.gaussian > model.latentSize + 1,
    {
      path: ['evaluation', 'klChains', 'gaussian'],
      message: 'chains more than model.latentSize + 1, which a covariance takes, 0 for no such row, or auto',
    },
  )
  .refine(({ precision, model }) => precision === 'f32' || model.decoder === 'lstm', {
    path: ['precision'],
    message: 'bf16 is for model.decoder: lstm; with another it is f32',
  });

/** The schema with every key of every object optional: what a config file, a method or a setting may say. */
export function deepPartial(schema: z.ZodType): z.ZodType {
  const described = (made: z.ZodType): z.ZodType => (schema.description ? made.describe(schema.description) : made);
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.ZodType> = {};
    for (const [key, value] of Object.entries(schema.shape)) shape[key] = deepPartial(value as z.ZodType).optional();
    return described(z.strictObject(shape));
  }
  if (schema instanceof z.ZodNullable) return described(deepPartial(schema.unwrap() as z.ZodType).nullable());
  if (schema instanceof z.ZodUnion) {
    return described(z.union(schema.options.map((option) => deepPartial(option as z.ZodType))));
  }
  return schema;
}

type DeepPartial<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;

/** The keys that a config file may say for all its methods, and `--set` for one run. */
export const overridesSchema = deepPartial(
  runConfigSchema.omit({ dataSet: true, method: true, setting: true, name: true }),
) as z.ZodObject;
export type Overrides = DeepPartial<Omit<RunConfig, 'dataSet' | 'method' | 'setting' | 'name'>>;

/** What a method or a setting may say: all of it but the text, which the methods of a file share. */
const methodSchema = overridesSchema.omit({ data: true });

/** A method's own values, and the named settings it comes in; the first setting is used unless another is asked for. */
export type MethodOverrides = Omit<Overrides, 'data'> & { settings?: Record<string, Omit<Overrides, 'data'>> };

const methodOverridesSchema = methodSchema.extend({
  settings: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/), methodSchema)
    .optional()
    .describe('named settings of the method, each a set of overrides; names are of a-z, 0-9 and -'),
});

/** A config file. */
export const configFileSchema = overridesSchema.extend({
  dataSet: runConfigSchema.shape.dataSet,
  methods: z
    .record(methodName, methodOverridesSchema.nullish())
    .describe('the methods tried on this data set, each with what it overrides'),
});
export type ConfigFile = Overrides & { dataSet: string; methods: Record<string, MethodOverrides | null | undefined> };

/** What a config file need not say. `data.directory` follows from the data set's name. */
export const DEFAULTS: Omit<RunConfig, 'dataSet' | 'method' | 'setting' | 'name' | 'data'> & {
  data: Omit<RunConfig['data'], 'directory'>;
} = {
  seed: 0,
  backend: 'auto',
  threads: 'auto',
  precision: 'f32',
  data: {
    vocabularySize: 10000,
    maxLength: 200,
    overLong: 'truncate',
    lowercase: false,
    unknownToken: '<unk>',
    labelColumn: 'auto',
    header: false,
  },
  model: {
    decoder: 'lstm',
    latentSize: 32,
    wordVectorSize: 256,
    hiddenSize: 256,
    wordDropout: 0.5,
    outputDropout: 0.5,
    weightRange: 0.01,
    wordVectorRange: 0.1,
    transformer: { layers: 2, heads: 4 },
  },
  optimizer: { name: 'sgd', learningRate: 1, cosineEpochs: null, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 5 },
  training: {
    batchSize: 32,
    epochs: 40,
    logEvery: 50,
    checkpointEvery: 120,
    decay: null,
    earlyStop: null,
    validationSentences: null,
    validation: { draws: 100, chains: 8, metropolisSteps: 25 },
    select: 'best',
    keepEpochs: [],
  },
  langevin: {
    steps: 20,
    stepSize: 0.1,
    gradients: null,
    temperature: 1,
    evaluationTemperature: null,
    priorWeight: 1,
    search: null,
    dropout: true,
    learnFrom: 'end',
  },
  startFrom: { encoder: null, decoder: null },
  klWeight: 1,
  freeBits: { target: 8 },
  aggressive: { updates: 100, window: 15, sentences: 500, information: 'sentences', clipBy: 'updated' },
  autoencoder: { sampled: false },
  semiAmortized: { steps: 20, learningRate: 1, momentum: 0.5, clipNorm: 5, scope: 'sentence' },
  evaluation: {
    estimator: 'auto',
    draws: { fitted: 500, jacobian: 10, encoder: 500, ais: 32 },
    priorShare: 0.1,
    chains: 16,
    metropolisSteps: 40,
    studentDegrees: null,
    sentences: null,
    perplexitySentences: null,
    temperatures: 400,
    aisSentences: 64,
    inferenceChains: 16,
    featureDraws: 16,
    klChains: { jacobian: 2, gaussian: 'auto' },
  },
};
