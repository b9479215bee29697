// The data sets that are known by name.

import { Registry } from '../registry.js';
import type { DataSetDefinition } from './define-data-set.js';
import { ptb } from './sets/ptb.js';
import { snli } from './sets/snli.js';
import { sotu } from './sets/sotu.js';
import { yahoo } from './sets/yahoo.js';
import { yelp } from './sets/yelp.js';

const DATA_SETS = new Registry<DataSetDefinition>('data set', [ptb, snli, yahoo, yelp, sotu]);

/** Makes a data set known to every command. @throws {InputError} where its name is taken. */
export function registerDataSet(set: DataSetDefinition): void {
  DATA_SETS.register(set);
}

/** All data sets, the program's own first. */
export function dataSets(): readonly DataSetDefinition[] {
  return DATA_SETS.all();
}

/** Undefined for a name that no known set has: of a text of the user's own. */
export function findDataSet(name: string): DataSetDefinition | undefined {
  return DATA_SETS.find(name);
}
