// The closed lists that a command line offers as well as a config, apart from the schema so that help is printed without it.

export const BACKEND_CHOICES = ['auto', 'native', 'webgpu', 'tensorflow', 'wasm', 'cpu'] as const;

export const PRECISIONS = ['f32', 'bf16', 'f16'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Of the perplexity of a model with a latent code. */
export const PERPLEXITY_ESTIMATORS = ['fitted', 'jacobian', 'encoder', 'ais'] as const;

/** One of them, or `auto` for the method's own. */
export type PerplexityEstimatorChoice = 'auto' | (typeof PERPLEXITY_ESTIMATORS)[number];
