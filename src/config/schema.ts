// What a run is made of, key by key. A *config file* (YAML) describes a data set and the methods tried on it;
// a *run* is one method, one setting and one seed of it, with every key decided. `load.ts` turns the first into
// the second. The descriptions here are what an error message prints when a value is not right, so each one
// says what the key means, in which unit, and which values it takes.

import { z } from 'zod';
import { TOKENIZERS } from '../data/tokenize.js';
import { BACKEND_CHOICES, MOST_SEED, MOST_THREADS, PRECISIONS } from './choices.js';
import { DECODER_KEYS, DECODER_NAMES, type DecoderKeys } from './decoder-keys.js';
import type { KeyOwner } from './key-owner.js';
import { count, positive, wholeNumber } from './numbers.js';
import { isRunName } from './variations.js';

/** A method's name: letters and digits in lower case, `-` between. Which there are is for src/methods/registry.ts to say. */
export const METHOD_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const methodName = z.string().regex(METHOD_NAME);

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

/** One of some names, as text: definitions from outside may add to them. */
function nameOf(names: readonly string[], what: string): z.ZodType<string> {
  return z.enum(names as [string, ...string[]]).describe(what);
}

/** What p(x | z) is made of, by one of these names. */
function decoderName(names: readonly string[]): z.ZodType<string> {
  return nameOf(names, `what p(x | z) is made of: one of ${names.join(', ')}`);
}

/** What log p(x) is estimated by, by one of these names. */
function estimatorName(names: readonly string[]): z.ZodType<string> {
  const whose = "or auto for the method's own (encoder where there is one, else fitted)";
  return nameOf(['auto', ...names], `of the perplexity of a model with a latent code: ${names.join(', ')}, ${whose}`);
}

/** Which of an encoder's states speak for a sentence: the last, or the mean or the maximum of all (Long et al. 2019). */
export const POOLINGS = ['last', 'mean', 'max'] as const;
export type Pooling = (typeof POOLINGS)[number];

const model = z
  .strictObject({
    decoder: decoderName(DECODER_NAMES),
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
    encoderPooling: z
      .enum(POOLINGS)
      .optional()
      .describe(
        "which of the encoder's states its Gaussian is computed from: last (the default but for pooling-vae), or the " +
          'mean or the max of all of them, number by number',
      ),
    transformer: z
      .strictObject(DECODER_KEYS.transformer.config)
      .describe('sizes of the transformer decoder: {layers, heads}'),
    hessianDifference: positive
      .default(0.01)
      .describe(
        'half the distance of the differences of gradients that a decoder without a Hessian of its own (any but lstm) has for one; a number above 0',
      ),
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

const FITTED_DEFAULTS = { burnInShare: 0.25, inflation: 1.2, priorShare: 0.1 };

/** What `fitted` makes of the chains that explored a posterior. */
const fitted = {
  burnInShare: z
    .number()
    .min(0)
    .lt(1)
    .default(FITTED_DEFAULTS.burnInShare)
    .describe('share of the Metropolis steps of `fitted` that tune the step and are not fitted to, from 0 to below 1'),
  inflation: positive
    .default(FITTED_DEFAULTS.inflation)
    .describe('what the covariance of `fitted` is multiplied with, since too wide costs less than too narrow; above 0'),
  priorShare: z
    .number()
    .min(0)
    .lt(1)
    .default(FITTED_DEFAULTS.priorShare)
    .describe('share of the draws of `fitted` that come from the prior, so that no weight is unbounded; 0 to below 1'),
};
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
      ...fitted,
      inferenceDraws: z
        .union([z.literal('auto'), z.int().min(3)])
        .default('auto')
        .describe(
          'draws a sentence from what inference says of it, which the metrics share: a whole number from 3, or auto (1 of an encoder, `chains` of short runs)',
        ),
      metrics: z
        .array(z.string().min(1))
        .nullable()
        .default(null)
        .describe(
          'metrics that each epoch is measured by, beside those it is judged by: a list of names, or null for all that say whether the code is used',
        ),
    })
    .describe(
      "what an epoch is measured by, and how exactly log p(x) of short runs is estimated after it, by `fitted`: fewer draws than a published number's rank epochs, as each sees the same noise",
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

/** A method, or one of its settings, `lstm-lm@wide`; of a study's variants the run's whole name, `lstm-lm@hiddenSize-64`. */
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

/** How often the estimators that the program comes with draw; src/evaluation/perplexity/ defines them. */
const draws = z.strictObject({
  fitted: z.int().min(2).describe('M, importance draws a sentence of `fitted`; a whole number from 2'),
  jacobian: z.int().min(2).describe('M, chains a sentence of `jacobian`; a whole number from 2'),
  encoder: z.int().min(2).describe('M, importance draws a sentence of `encoder`; a whole number from 2'),
  ais: z.int().min(2).describe('M, annealed chains a sentence of `ais`; a whole number from 2'),
});
const ESTIMATOR_NAMES = Object.keys(draws.shape);

/** As many as a chain of SRI takes. */
const MODE_GRADIENTS = 20;

const CLASSIFICATION_DEFAULTS = {
  principalComponents: 4,
  mixtureStarts: 10,
  penalties: [0.1, 0.3, 1, 3, 10, 30],
  folds: 5,
  penaltyItems: 2000,
};

const classification = {
  principalComponents: count
    .default(CLASSIFICATION_DEFAULTS.principalComponents)
    .describe('dimensions that PCA keeps of codes before they are clustered; a whole number from 1'),
  mixtureStarts: count
    .default(CLASSIFICATION_DEFAULTS.mixtureStarts)
    .describe('starts of the mixture of Gaussians, of which the likeliest counts; a whole number from 1'),
  penalties: z
    .array(positive)
    .min(1)
    .default(CLASSIFICATION_DEFAULTS.penalties)
    .describe('C of the support vector machine, of which cross-validation chooses; a list of numbers above 0'),
  folds: z
    .int()
    .min(2)
    .default(CLASSIFICATION_DEFAULTS.folds)
    .describe('parts of that cross-validation; a whole number from 2'),
  penaltyItems: count
    .default(CLASSIFICATION_DEFAULTS.penaltyItems)
    .describe('labelled items that C is chosen on, at most, as time grows with their square; a whole number from 1'),
};

const evaluation = z.strictObject({
  estimator: estimatorName(ESTIMATOR_NAMES),
  draws,
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
  fitted: z
    .strictObject(fitted)
    .default(FITTED_DEFAULTS)
    .describe('what `fitted` makes of those chains: {burnInShare, inflation, priorShare}'),
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
    .describe(
      'those of them that PPL and KL are measured on, unless the estimator is `ais`; a whole number from 2, or null for all',
    ),
  temperatures: z.int().min(2).describe('levels between prior and posterior of `ais`; a whole number from 2'),
  aisSentences: z
    .int()
    .min(2)
    .nullable()
    .describe(
      'sentences of a split, drawn at random, that `ais` is run on, and KL is measured on where `ais` is the estimator; a ' +
        'whole number from 2, or null for all',
    ),
  inferenceChains: z
    .int()
    .min(3)
    .describe(
      'draws a sentence from what inference says of it, for Recon, AU, MI and noisy Recon; a whole number from 3, which ' +
        'MI takes',
    ),
  featureDraws: count.describe('draws a sentence whose mean is the feature of classification; a whole number from 1'),
  modeGradients: wholeNumber
    .refine((gradients) => gradients !== 1, {
      message:
        "the first gradient is that at the prior's centre, from where it takes another to move; say 0, or 2 or more",
    })
    .default(MODE_GRADIENTS)
    .describe(
      "gradients that lead to the mode of a sentence's posterior, the feature of classification that takes no chains, " +
        'measured beside the means of chains where inference is by these; a whole number from 2, 0 to leave it out',
    ),
  classification: z
    .strictObject(classification)
    .default(CLASSIFICATION_DEFAULTS)
    .describe('the classifiers of Table 5: {principalComponents, mixtureStarts, penalties, folds, penaltyItems}'),
  klChains: z.strictObject({
    jacobian: count.describe('chains a sentence that KL by `jacobian` is measured on; a whole number from 1'),
    gaussian: z
      .union([z.literal('auto'), wholeNumber])
      .describe(
        'the same for KL by `gaussian`: more than latentSize + 1; 0 leaves it out, auto takes 2 latentSize + 2',
      ),
  }),
});

/** The keys of a resolved run that all methods have, but for what definitions from outside add. */
const ownCommonSchema = z.strictObject({
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
    .max(MOST_SEED)
    .describe(`what all randomness derives from; a whole number from 0 to ${MOST_SEED}`),
  backend: z.enum(BACKEND_CHOICES).describe(`what computes: one of ${BACKEND_CHOICES.join(', ')}`),
  threads: z
    .union([z.literal('auto'), count.max(MOST_THREADS)])
    .describe(`threads that compute: a whole number from 1 to ${MOST_THREADS}, or auto`),
  precision: z
    .enum(PRECISIONS)
    .describe(
      "of the matrix products of training, chain and loss: f32, or bf16 (native); or f16, the chain's recurrent weights stored " +
        'in halves (webgpu). Whatever judges the weights computes in f32',
    ),
  data,
  model,
  optimizer,
  training,
  startFrom: startFrom
    .nullable()
    .describe(
      'other runs whose weights training starts from: {encoder, decoder}, each a method, with @ and a setting where it is not its first, or null; null for none',
    ),
  evaluation,
});

/** What a definition from outside adds to the keys that all methods have. */
export interface AddedKeys {
  readonly name: string;
  /** Each of its own keys with its schema; they stand under its name, in `evaluation` or `model`. */
  readonly config: z.ZodRawShape;
}
export type AddedDecoder = AddedKeys & DecoderKeys;

const addedEstimators: AddedKeys[] = [];
const addedDecoders: AddedDecoder[] = [];

/** Lets configurations name an estimator, say how often it draws, and have its keys. */
export function addEstimatorKeys(estimator: AddedKeys): void {
  addedEstimators.push(estimator);
  current = null;
}

/** Lets configurations name a decoder, and have its keys. */
export function addDecoderKeys(decoder: AddedDecoder): void {
  addedDecoders.push(decoder);
  current = null;
}

/** Objects of the keys of those that have any: of each some may be left out, for the defaults of its definition. */
function keysOfAdded(added: readonly AddedKeys[]): z.ZodRawShape {
  return Object.fromEntries(
    added
      .filter(({ config }) => Object.keys(config).length > 0)
      .map(({ name, config }) => [name, z.strictObject(config).partial().optional()]),
  );
}

/** The schemas as they are now, and those made of them; null where a definition was added since they were made. */
let current: {
  whole: typeof ownCommonSchema;
  overrides: z.ZodObject;
  made: WeakMap<object, Map<string, z.ZodType>>;
} | null = null;

/** A schema of something, made once: a study decides hundreds of runs by the same few, each of which takes long to make. */
function madeOnce<Schema extends z.ZodType>(of: object, kind: string, make: () => Schema): Schema {
  const { made } = schemasNow();
  const known = made.get(of) ?? new Map<string, z.ZodType>();
  made.set(of, known);
  const schema = known.get(kind) ?? make();
  known.set(kind, schema);
  return schema as Schema;
}

function schemasNow(): NonNullable<typeof current> {
  if (current !== null) return current;
  const names = (added: readonly AddedKeys[]) => added.map(({ name }) => name);
  const addedDraws = names(addedEstimators).map((name) => {
    return [name, z.int().min(2).optional().describe(`M, draws a sentence of \`${name}\`; a whole number from 2`)];
  });
  const whole = ownCommonSchema.extend({
    model: model.safeExtend({
      decoder: decoderName([...DECODER_NAMES, ...names(addedDecoders)]),
      ...keysOfAdded(addedDecoders),
    }),
    evaluation: evaluation.extend({
      estimator: estimatorName([...ESTIMATOR_NAMES, ...names(addedEstimators)]),
      draws: draws.extend(Object.fromEntries(addedDraws)),
      ...keysOfAdded(addedEstimators),
    }),
  }) as unknown as typeof ownCommonSchema;
  current = { whole, overrides: deepPartial(whole.omit(IDENTITY)) as z.ZodObject, made: new WeakMap() };
  return current;
}

/** The keys of a resolved run that all methods have, with those that definitions from outside have added. */
export function commonSchema(): typeof ownCommonSchema {
  return schemasNow().whole;
}

type Common = z.infer<typeof ownCommonSchema>;

/**
 * A run in which every key is decided.
 * @typeParam Own the keys of its method alone.
 */
export type RunConfig<Own = unknown> = Omit<Common, 'evaluation'> & {
  evaluation: Omit<Common['evaluation'], 'draws'> & {
    /** Of an estimator from outside only where a configuration says it. */
    draws: Common['evaluation']['draws'] & Readonly<Record<string, number | undefined>>;
  };
} & Own;

/** Every key of a resolved run of a method. */
export function runConfigSchema({ config }: Pick<KeyOwner, 'config'>): z.ZodObject {
  return commonSchema().extend(config);
}

/** A resolved run of a method whose keys fit together: what a schema of single keys cannot say. */
export function wholeRunSchema(method: Pick<KeyOwner, 'config'>): z.ZodType<RunConfig> {
  return madeOnce(method, 'run', () => makeWholeRunSchema(method));
}

function makeWholeRunSchema(method: Pick<KeyOwner, 'config'>): z.ZodType<RunConfig> {
  return (runConfigSchema(method) as unknown as typeof ownCommonSchema)
    .refine((run) => isRunName(run), {
      path: ['name'],
      message: 'the name of a run is its method, and behind an @ what tells it from the others',
    })
    .refine(
      ({ model, evaluation: { klChains } }) =>
        klChains.gaussian === 'auto' || klChains.gaussian === 0 || klChains.gaussian > model.latentSize + 1,
      {
        path: ['evaluation', 'klChains', 'gaussian'],
        error: ({ input }) => {
          const { model } = input as RunConfig;
          return (
            `${model.latentSize + 2} chains at least, more than model.latentSize + 1, for the covariance of a code; ` +
            '0 for no such row, or auto'
          );
        },
      },
    )
    .refine(({ precision, model }) => precision === 'f32' || reducedDecoders().includes(model.decoder), {
      path: ['precision'],
      message: `bf16 and f16 are for model.decoder: ${reducedDecoders().join(', ')}; with another it is f32`,
    }) as unknown as z.ZodType<RunConfig>;
}

/** The decoders that can multiply in another precision than f32. */
function reducedDecoders(): string[] {
  const own = DECODER_NAMES.filter((name) => DECODER_KEYS[name].reduced);
  return [...own, ...addedDecoders.filter(({ reduced }) => reduced).map(({ name }) => name)];
}

/** What a decoder from outside has of its own keys where nothing is said; nothing of any other. */
export function addedDecoderDefaults(decoder: string | undefined): Overrides {
  const added = addedDecoders.find(({ name }) => name === decoder);
  const hasKeys = added !== undefined && Object.keys(added.config).length > 0;
  return hasKeys ? { model: { [added.name]: added.defaults } as NonNullable<Overrides['model']> } : {};
}

/**
 * A resolved run of whichever method it names.
 * @param catalogue the methods that there are when a run is read.
 */
export function namedRunSchema(catalogue: () => readonly KeyOwner[]): z.ZodType<RunConfig> {
  return z.unknown().transform((value, context): RunConfig => {
    const name = (value as { method?: unknown } | null)?.method;
    const method = catalogue().find((known) => known.name === name);
    if (method === undefined) {
      const message = `${JSON.stringify(name)} is no method here; of a plugin's, give --plugin with the module that defines it`;
      context.issues.push({ code: 'custom', path: ['method'], message, input: value });
      return z.NEVER;
    }
    const parsed = wholeRunSchema(method).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const { path, message } of parsed.error.issues) {
      context.issues.push({ code: 'custom', path, message, input: value });
    }
    return z.NEVER;
  });
}

/** The schema with every key of every object optional: what a config file, a method or a setting may say. */
export function deepPartial(schema: z.ZodType): z.ZodType {
  const described = (made: z.ZodType): z.ZodType => (schema.description ? made.describe(schema.description) : made);
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.ZodType> = {};
    for (const [key, value] of Object.entries(schema.shape)) shape[key] = deepPartial(value as z.ZodType).optional();
    return described(z.strictObject(shape));
  }
  // What is not said in one layer may be said in another: only the sum has a default.
  if (schema instanceof z.ZodDefault) return described(deepPartial(schema.unwrap() as z.ZodType));
  if (schema instanceof z.ZodNullable) return described(deepPartial(schema.unwrap() as z.ZodType).nullable());
  if (schema instanceof z.ZodUnion) {
    return described(z.union(schema.options.map((option) => deepPartial(option as z.ZodType))));
  }
  return schema;
}

type DeepPartial<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> } : T;

/** What decides which run it is, and no override may say. */
const IDENTITY = { dataSet: true, method: true, setting: true, name: true } as const;

/** The keys that a config file may say for all its methods. */
export function commonOverridesSchema(): z.ZodObject {
  return schemasNow().overrides;
}
/** What a layer of a run says: common keys, and those of its method. */
export type Overrides = DeepPartial<Omit<Common, keyof typeof IDENTITY>> & Record<string, unknown>;

/** The keys that `--set` may say of one method's run. */
export function overridesSchema(method: Pick<KeyOwner, 'config'>): z.ZodObject {
  return madeOnce(method, 'overrides', () =>
    commonOverridesSchema().extend((deepPartial(z.strictObject(method.config)) as z.ZodObject).shape),
  );
}

/** The keys of all methods together: what a study may vary. Of a key that several have, the first method's schema stands. */
export function anyOverridesSchema(catalogue: readonly KeyOwner[]): z.ZodObject {
  const shapes = catalogue.map((method) => overridesSchema(method).shape);
  return z.strictObject(Object.assign({}, ...shapes.toReversed()));
}

/** A method's own values, and the named settings it comes in; the first setting is used unless another is asked for. */
export type MethodOverrides = Omit<Overrides, 'data'> & { settings?: Record<string, Omit<Overrides, 'data'>> };

/** What a config file may say of one method: all but the text, which the methods of a file share. */
function methodOverridesSchema(method: KeyOwner): z.ZodType {
  const own = overridesSchema(method).omit({ data: true });
  return own.extend({
    settings: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/), own)
      .optional()
      .describe('named settings of the method, each a set of overrides; names are of a-z, 0-9 and -'),
  });
}

/** A config file, of the methods that there are. */
export function configFileSchema(catalogue: readonly KeyOwner[]): z.ZodObject {
  // A registry's list grows where a plugin is loaded.
  return madeOnce(catalogue, `file of ${catalogue.length} methods`, () => makeConfigFileSchema(catalogue));
}

function makeConfigFileSchema(catalogue: readonly KeyOwner[]): z.ZodObject {
  const methods = catalogue.map((method) => [method.name, methodOverridesSchema(method).nullish()] as const);
  return commonOverridesSchema().extend({
    dataSet: ownCommonSchema.shape.dataSet,
    plugins: z
      .array(z.string().min(1))
      .optional()
      .describe(
        'modules that define further methods, metrics, estimators, decoders and data sets: a list of paths, relative to this file, and of names of packages',
      ),
    methods: z
      .strictObject(Object.fromEntries(methods))
      .describe('the methods tried on this data set, each with what it overrides'),
  });
}
export type ConfigFile = Overrides & {
  dataSet: string;
  plugins?: string[] | undefined;
  methods: Record<string, MethodOverrides | null | undefined>;
};

/** What a config file need not say of the keys that all methods have. `data.directory` follows from the data set's name. */
export const DEFAULTS: Omit<RunConfig, keyof typeof IDENTITY | 'data'> & {
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
    transformer: DECODER_KEYS.transformer.defaults,
    hessianDifference: 0.01,
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
    validation: {
      draws: 100,
      chains: 8,
      metropolisSteps: 25,
      ...FITTED_DEFAULTS,
      inferenceDraws: 'auto',
      metrics: null,
    },
    select: 'best',
    keepEpochs: [],
  },
  startFrom: { encoder: null, decoder: null },
  evaluation: {
    estimator: 'auto',
    draws: { fitted: 500, jacobian: 10, encoder: 500, ais: 32 },
    priorShare: 0.1,
    chains: 16,
    metropolisSteps: 40,
    fitted: FITTED_DEFAULTS,
    studentDegrees: null,
    sentences: null,
    perplexitySentences: null,
    temperatures: 400,
    aisSentences: 64,
    inferenceChains: 16,
    featureDraws: 16,
    modeGradients: MODE_GRADIENTS,
    classification: CLASSIFICATION_DEFAULTS,
    klChains: { jacobian: 2, gaussian: 'auto' },
  },
};
