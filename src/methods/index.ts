// The rows of the paper's tables, in the paper's order. A new method is a file beside this one and a line here.

import { ae } from './ae.js';
import { annealVae } from './anneal-vae.js';
import { cyclicalVae } from './cyclical-vae.js';
import { fbVae } from './fb-vae.js';
import { fbpVae } from './fbp-vae.js';
import { laggingVae } from './lagging-vae.js';
import { lstmLm } from './lstm-lm.js';
import type { Method } from './method.js';
import { saVae } from './sa-vae.js';
import { sri } from './sri.js';

export const METHODS: readonly Method[] = [lstmLm, ae, annealVae, cyclicalVae, laggingVae, saVae, fbpVae, fbVae, sri];

/** @throws RangeError for a name that no method has. */
export function methodNamed(name: string): Method {
  const method = METHODS.find((candidate) => candidate.name === name);
  if (method === undefined)
    throw new RangeError(`${name} is no method; there are ${METHODS.map((m) => m.name).join(', ')}`);
  return method;
}
