import { describe, expect, it } from 'vitest';
import { defineDataSet, rawNames } from '../../src/data/define-data-set.js';
import { defineMetric } from '../../src/evaluation/define-metric.js';
import { defineEstimator } from '../../src/evaluation/perplexity/define-estimator.js';
import { defineMethod } from '../../src/methods/define-method.js';
import { defineDecoder } from '../../src/model/define-decoder.js';
import { defineFigure } from '../../src/report/define-figure.js';
import { defineTable } from '../../src/report/define-table.js';

// As a plugin in JavaScript may call them.
const method = { name: 'mine', label: 'Mine', inference: 'point', config: {}, defaults: {}, selects: 'reconstruction' };
const metric = { name: 'mine', label: 'Mine', description: 'mine' };
const cases: [string, (spec: never) => unknown, object, string][] = [
  ['a method', defineMethod, { name: 'mine' }, 'defineMethod: label is missing; it is a string'],
  ['a method', defineMethod, method, 'defineMethod: create is missing; it is a function'],
  ['a method', defineMethod, { ...method, create: 5 }, 'defineMethod: create will not do; it is a function'],
  [
    'a method',
    defineMethod,
    { ...method, inference: 'shortrun' },
    'defineMethod: inference will not do; it is one of none, point, gaussian, short-run',
  ],
  ['a metric', defineMetric, { name: 'mine' }, 'defineMetric: label is missing; it is a string'],
  [
    'an estimator',
    defineEstimator,
    { name: 'mine', description: 'mine', draws: 2 },
    'defineEstimator: create is missing; it is a function',
  ],
  [
    'an estimator',
    defineEstimator,
    { name: 'mine', description: 'mine', draws: 1.5, create: () => {} },
    'defineEstimator: draws will not do; it is a whole number from 2',
  ],
  [
    'a method',
    defineMethod,
    { ...method, create: () => {}, selects: 'elbo' },
    'defineMethod: selects will not do; it is one of perplexity, negative-elbo, reconstruction',
  ],
  ['a method', defineMethod, { ...method, label: ' ' }, 'defineMethod: label will not do; it is a string'],
  [
    'a metric',
    defineMetric,
    metric,
    'defineMetric: measure is missing; it is a function, or measureExact is, of models without a code',
  ],
  ['a metric', defineMetric, { ...metric, measure: 7 }, 'defineMetric: measure will not do; it is a function'],
  [
    'a metric',
    defineMetric,
    { ...metric, measure: () => [], needs: ['banana'] },
    'defineMetric: needs will not do; it is one of code, mean, distribution, gaussian, path-density',
  ],
  [
    'a table',
    defineTable,
    { name: 'mine', caption: 'Mine', needs: ['kl'], make: () => {} },
    'defineTable: needs: give it an object that says what is defined',
  ],
  [
    'a table',
    defineTable,
    { name: 'mine', caption: 'Mine', needs: [{ measuring: 'metrics' }], make: () => {} },
    'defineTable: needs: metrics is missing; it is a list of strings',
  ],
  [
    'a figure',
    defineFigure,
    { name: 'mine', caption: 'Mine', needs: [], show: () => null },
    'defineFigure: draw is missing; it is a function',
  ],
  [
    'a data set',
    defineDataSet,
    { name: 'mine', title: 'Mine', files: {} },
    'defineDataSet: files: train is missing; it is a string',
  ],
  [
    'a data set',
    defineDataSet,
    { name: 'mine', title: 'Mine', files: rawNames('mine'), format: { labelColumn: 'yes' } },
    'defineDataSet: format: labelColumn will not do; it is one of auto, none, required',
  ],
  ['a table', defineTable, { name: 'mine', caption: 'Mine' }, 'defineTable: needs is missing; it is a list'],
  ['a figure', defineFigure, { name: 'mine', caption: 'Mine' }, 'defineFigure: show is missing; it is a function'],
  ['a decoder', defineDecoder, { label: 'Mine' }, 'defineDecoder: name is missing; it is a string'],
  [
    'a data set',
    defineDataSet,
    { name: 'mine', title: 'Mine', files: null },
    'defineDataSet: files will not do; it is an object',
  ],
];

describe('what a definition lacks', () => {
  it.each(cases)('is said of %s', (_, define, spec, message) => {
    expect(() => define(spec as never)).toThrow(new TypeError(message));
  });
});
