// The methods there are: the rows of the paper's tables in the paper's order, what others hold against them, then what was
// registered, in the order it came.
// A new row of the program's own is a file beside this one and a line here; a plugin's is registered as it is loaded.

import { ae } from './ae.js';
import { annealVae } from './anneal-vae.js';
import { betaVae } from './beta-vae.js';
import { cyclicalVae } from './cyclical-vae.js';
import type { Method } from './define-method.js';
import { deltaVae } from './delta-vae.js';
import { fbVae } from './fb-vae.js';
import { fbpVae } from './fbp-vae.js';
import { infoVae } from './info-vae.js';
import { laggingVae } from './lagging-vae.js';
import { lstmLm } from './lstm-lm.js';
import { poolingVae } from './pooling-vae.js';
import { saVae } from './sa-vae.js';
import { skipVae } from './skip-vae.js';
import { sri } from './sri.js';

const paper: readonly Method[] = [lstmLm, ae, annealVae, cyclicalVae, laggingVae, saVae, fbpVae, fbVae, sri];
const registered: Method[] = [...paper, betaVae, deltaVae, poolingVae, skipVae, infoVae];

/** All of them, as they are now. */
export function methods(): readonly Method[] {
  return registered;
}

/** @throws {RangeError} for a name that no method has. */
export function methodNamed(name: string): Method {
  const method = registered.find((candidate) => candidate.name === name);
  if (method === undefined)
    throw new RangeError(`${name} is no method; there are ${registered.map((m) => m.name).join(', ')}`);
  return method;
}

/**
 * Adds a method to those that every command, table and figure knows.
 * @throws {RangeError} where its name is taken.
 */
export function registerMethod(method: Method): void {
  if (registered.some(({ name }) => name === method.name))
    throw new RangeError(`there is a method ${method.name} already`);
  registered.push(method);
}
