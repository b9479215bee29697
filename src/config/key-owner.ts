// Whatever has keys of its own in a configuration: a method, an estimator, a decoder.

import type { z } from 'zod';

export interface KeyOwner<Own = unknown> {
  readonly name: string;
  /** Each of its own keys with its schema, whose descriptions complaints print. */
  readonly config: z.ZodRawShape;
  /** What they are where nothing is said. */
  readonly defaults: Own;
}
