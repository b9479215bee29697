// The quantities that can be measured, in the order in which lists show them.

import { Registry } from '../registry.js';
import { au } from './active-units.js';
import { accuracy, transferAccuracy } from './classification/accuracy.js';
import type { MetricDefinition } from './define-metric.js';
import { kl } from './kl-measurements.js';
import { gain } from './latent-gain.js';
import { mi } from './mutual-information.js';
import { noisyRecon } from './noisy-reconstruction.js';
import { ppl } from './perplexity/perplexity.js';
import { recon } from './reconstruction.js';

const METRICS = new Registry<MetricDefinition>('metric', [
  ...[ppl, recon, kl, au, mi, gain, noisyRecon, accuracy, transferAccuracy],
]);

/** Makes a metric known to every command, table and plan. @throws {InputError} where its name is taken. */
export function registerMetric(metric: MetricDefinition): void {
  METRICS.register(metric);
}

/** All metrics, the program's own first. */
export function metrics(): readonly MetricDefinition[] {
  return METRICS.all();
}

/** @throws {InputError} for a name that no metric has. */
export function metricNamed(name: string): MetricDefinition {
  return METRICS.named(name);
}

/** Undefined for a name that no metric has: of a row that was measured with a plugin that is not loaded. */
export function findMetric(name: string): MetricDefinition | undefined {
  return METRICS.find(name);
}
