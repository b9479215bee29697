// The closed lists that a command line offers as well as a config, apart from the schema so that help is printed without it.

/** What computes, the preferred first. */
export const BACKEND_NAMES = ['native', 'webgpu', 'tensorflow', 'wasm', 'cpu'] as const;
export const BACKEND_CHOICES = ['auto', ...BACKEND_NAMES] as const;

/** Threads that compute, at most: what the native backend takes. */
export const MOST_THREADS = 1024;

/** Philox's key has so many bits. */
export const MOST_SEED = 2 ** 32 - 1;

/**
 * The products of training, in the chain and in the loss: full single precision; bfloat16 operands with single-precision
 * sums; or single precision with recurrent weights that the chain has stored in half precision.
 */
export const PRECISIONS = ['f32', 'bf16', 'f16'] as const;
export type Precision = (typeof PRECISIONS)[number];
