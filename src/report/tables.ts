// The tables that there are: the paper's in its order, those beside it, and what plugins bring.

import { InputError } from '../errors.js';
import { can, hasPerplexity } from '../methods/capability.js';
import { didYouMean } from '../nearest.js';
import { Registry } from '../registry.js';
import { ABLATION_STEPS, readingSteps, stepsLines, stepsTable } from './ablation.js';
import { defineTable, type TableDefinition, type TableKey } from './define-table.js';
import { FRONTIER_RUNS, frontierLines, frontierTable, frontierVarying, readingFrontier } from './frontier.js';
import { furtherQuantities, readingMetrics } from './metric-table.js';
import { readingSweep, sweepTable } from './sweep.js';
import { readingTable1, table1 } from './table1.js';
import { readingTable4, table4 } from './table4.js';
import { readingTable5, table5 } from './table5.js';
import { readingTexts, table2, table3 } from './text-tables.js';

/** The two that the paper sets side by side where sentences and densities are to be looked at. */
export const LOOKED_AT: readonly string[] = ['fb-vae', 'sri'];

/** The quantities of Table 1, which others show of other runs. */
const QUANTITIES = ['ppl', 'recon', 'au', 'kl'];

const TABLES = new Registry<TableDefinition>('table', [
  defineTable({
    number: 1,
    name: 'table1',
    title: 'Table 1',
    caption: 'Table 1: language modelling',
    command: 'sri eval',
    needs: [{ measuring: 'metrics', metrics: QUANTITIES }],
    takes: hasPerplexity,
    // A second perplexity, by an estimator that no fit can fool. Where log p(x) is exact it needs none.
    check: {
      title: "the check of Table 1's perplexities",
      needs: [{ measuring: 'ais' }],
    },
    make: table1,
    read: readingTable1,
  }),
  defineTable({
    number: 2,
    name: 'table2',
    title: 'Table 2',
    caption: 'Table 2: interpolation',
    command: 'sri interpolate',
    needs: [{ measuring: 'interpolations' }],
    usual: LOOKED_AT,
    make: table2,
    read: readingTexts,
  }),
  defineTable({
    number: 3,
    name: 'table3',
    title: 'Table 3',
    caption: 'Table 3: generation',
    command: 'sri generate',
    needs: [{ measuring: 'generations' }],
    usual: LOOKED_AT,
    make: table3,
    read: readingTexts,
  }),
  defineTable({
    number: 4,
    name: 'table4',
    title: 'Table 4',
    caption: 'Table 4: noisy reconstruction',
    command: 'sri noisy-recon',
    needs: [{ measuring: 'noisy-recon' }],
    metrics: ['noisy-recon'],
    make: table4,
    read: readingTable4,
  }),
  defineTable({
    number: 5,
    name: 'table5',
    title: 'Table 5',
    caption: 'Table 5: classification',
    command: 'sri classify',
    needs: [{ measuring: 'classification' }],
    needsLabels: true,
    metrics: ['accuracy'],
    make: table5,
    read: readingTable5,
  }),
  // The paper's second footnote. The run with the setting's own number of steps is one of them, and no second run.
  defineTable({
    name: 'ablation-steps',
    title: 'the ablation of steps',
    caption: 'Number of Langevin steps',
    command: 'sri reproduce --ablation steps',
    needs: [{ measuring: 'metrics', metrics: QUANTITIES }],
    takes: (inference) => can(inference, 'path-density'),
    varies: () => [{ quantity: 'steps', values: ABLATION_STEPS }],
    make: (runs, split) => stepsTable(stepsLines(runs, split)),
    read: readingSteps,
  }),
  // The run with the setting's own value is a point of its curve, and no second run.
  defineTable({
    name: 'frontier',
    title: 'the frontier',
    caption: 'Perplexity against KL',
    command: 'sri frontier',
    needs: [{ measuring: 'metrics', metrics: QUANTITIES }],
    takes: hasPerplexity,
    usual: FRONTIER_RUNS,
    varies: frontierVarying,
    metrics: ['ppl', 'kl'],
    make: (runs, split) => frontierTable(frontierLines(runs, split)),
    read: readingFrontier,
  }),
  defineTable({
    name: 'sweep',
    caption: 'Variants',
    command: 'sri reproduce --sweep',
    needs: [],
    metrics: QUANTITIES,
    make: sweepTable,
    read: readingSweep,
  }),
  defineTable({
    name: 'further',
    caption: 'Further quantities',
    command: 'sri eval --metric mi,gain',
    needs: [],
    make: (runs, split) => furtherQuantities(runs, split, shownMetrics()),
    read: readingMetrics,
  }),
]);

/** Makes a table known to every command that makes or shows tables. @throws {InputError} where its name is taken. */
export function registerTable(table: TableDefinition): void {
  TABLES.register(table);
}

/** All of them, the program's own first. */
export function tables(): readonly TableDefinition[] {
  return TABLES.all();
}

/** The key by which a table is asked for again. */
export function keyOf({ number, name }: TableDefinition): TableKey {
  return number ?? name;
}

/**
 * The tables of these keys, each once, in the order of all.
 * @throws {InputError} for a key that none has.
 */
export function tablesOf(keys: readonly TableKey[]): TableDefinition[] {
  const is = (key: TableKey) => (table: TableDefinition) => table.number === key || table.name === key;
  const stranger = keys.find((key) => !tables().some(is(key)));
  if (stranger !== undefined) {
    const ofPaper = tables().filter(({ number }) => number !== null).length;
    const others = tables().flatMap(({ number, name }) => (number === null ? [name] : []));
    throw new InputError(
      `there is no such table as ${stranger}; ${didYouMean(String(stranger), others)}the paper has ${ofPaper}, and others are ${others.join(', ')}`,
    );
  }
  return tables().filter((table) => keys.some((key) => is(key)(table)));
}

/** Metrics that have a place in a table of their own. */
function shownMetrics(): ReadonlySet<string> {
  return new Set(tables().flatMap(({ metrics }) => metrics));
}
