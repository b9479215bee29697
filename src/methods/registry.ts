// The methods there are: the rows of the paper's tables in the paper's order, what others hold against them, then what was
// registered, in the order it came.
// A new row of the program's own is a file beside this one and a line here; a plugin's is registered as it is loaded.

import { InputError } from '../errors.js';
import { Registry } from '../registry.js';
import { ae } from './ae.js';
import { annealVae } from './anneal-vae.js';
import { betaVae } from './beta-vae.js';
import { cyclicalVae } from './cyclical-vae.js';
import type { Method } from './define-method.js';
import { deltaVae } from './delta-vae.js';
import { energyPrior } from './energy-prior.js';
import { fbVae } from './fb-vae.js';
import { fbpVae } from './fbp-vae.js';
import { infoVae } from './info-vae.js';
import { jointEnergyPrior } from './joint-energy-prior.js';
import { laggingVae } from './lagging-vae.js';
import { lstmLm } from './lstm-lm.js';
import { multiLayer } from './multi-layer.js';
import { poolingVae } from './pooling-vae.js';
import { saVae } from './sa-vae.js';
import { skipVae } from './skip-vae.js';
import { sri } from './sri.js';

const METHODS = new Registry<Method>('method', [
  ...[lstmLm, ae, annealVae, cyclicalVae, laggingVae, saVae, fbpVae, fbVae, sri],
  ...[betaVae, deltaVae, poolingVae, skipVae, infoVae, multiLayer, energyPrior, jointEnergyPrior],
]);

/** All of them, as they are now. */
export function methods(): readonly Method[] {
  return METHODS.all();
}

/** @throws {InputError} for a name that no method has. */
export function methodNamed(name: string): Method {
  return METHODS.named(name);
}

/**
 * Adds a method to those that every command, table and figure knows.
 * @throws {InputError} where its name is taken, or its label, which is its name in tables.
 */
export function registerMethod(method: Method): void {
  const namesake = METHODS.all().find(({ name, label }) => label === method.label && name !== method.name);
  if (namesake !== undefined && METHODS.find(method.name) === undefined) {
    throw new InputError(`tables call ${namesake.name} ${method.label} already; give ${method.name} another label`);
  }
  METHODS.register(method);
}
