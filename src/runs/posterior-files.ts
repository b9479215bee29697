// What `sri posterior` leaves among a run's artifacts, and how the report reads it again: the samples as CSV, a summary in
// numbers, and the two halves of Figure 1.

import path from 'node:path';
import { z } from 'zod';
import { csvText } from '../storage/csv.js';
import { JsonFormat } from './json-format.js';
import { isOfSelected, type MeasuredRun } from './measured-run.js';
import { provenance } from './row.js';
import { RunFolder } from './run-folder.js';

/** Names of the artifacts. */
export const POSTERIOR = {
  samples: 'posterior.csv',
  summary: 'posterior.json',
  map: 'posterior-tsne.svg',
  marginals: 'posterior-marginals.svg',
  points: 'posterior-map.json',
} as const;

const posteriorSummary = z.strictObject({
  ...provenance,
  split: z.string(),
  sentences: z.int(),
  seed: z.int(),
  /** Root mean square of z. */
  rms: z.number(),
  /** The Wasserstein distance from N(0, 1) that samples of N(0, 1) seldom reach, and how many dimensions do. */
  threshold: z.number(),
  leaving: z.int(),
  latentSize: z.int(),
  /** Of the t-SNE map. */
  perplexity: z.number(),
  iterations: z.int(),
  /** [latentSize] */
  dimensions: z.array(z.strictObject({ mean: z.number(), standardDeviation: z.number(), wasserstein: z.number() })),
});
export type PosteriorSummary = z.infer<typeof posteriorSummary>;

export const POSTERIOR_SUMMARY = new JsonFormat(
  'summary of a posterior',
  2,
  posteriorSummary,
  'write it again with sri posterior',
);

const posteriorMap = z.strictObject({
  ...provenance,
  /** Where on the t-SNE map the code of a sentence lies. */
  points: z.array(z.strictObject({ text: z.string(), label: z.string().nullable(), x: z.number(), y: z.number() })),
  /** Samples of the prior. */
  prior: z.array(z.tuple([z.number(), z.number()])),
  /** Points far apart from each other, of which it is known what lies between any two: their indices in `points`. */
  landmarks: z.array(z.int()),
  /** What the decoder writes from one landmark to another, both included; the two are indices in `landmarks`. */
  ways: z.array(z.strictObject({ from: z.int(), to: z.int(), texts: z.array(z.string()) })),
});
/** The t-SNE map as something to be walked about in. */
export type PosteriorMap = z.infer<typeof posteriorMap>;

export const POSTERIOR_MAP = new JsonFormat('map of a posterior', 1, posteriorMap, 'write it again with sri posterior');

/** The map of a run's present best weights, as {@link keptPosterior}. */
export function keptPosteriorMap({
  directory,
  manifest,
}: Pick<MeasuredRun, 'directory' | 'manifest'>): PosteriorMap | null {
  const content = new RunFolder(directory).artifact(POSTERIOR.points);
  if (content === null) return null;
  const map = POSTERIOR_MAP.read(content, path.join(directory, 'artifacts', POSTERIOR.points));
  return isOfSelected(map, manifest) ? map : null;
}

/** In a sentence, for people. */
export function describePosterior({ leaving, latentSize, threshold, rms }: PosteriorSummary): string {
  return (
    `${leaving} of ${latentSize} dimensions leave N(0, 1): their Wasserstein distance is above ${threshold.toFixed(3)}, ` +
    `which samples of N(0, I) seldom reach; root mean square of z ${rms.toFixed(2)}, that of N(0, I) is 1`
  );
}

/**
 * The summary of a run's present best weights; null where there is none, or training that went on since has left it behind.
 * @throws {InputError} for an artifact that is none.
 */
export function keptPosterior({
  directory,
  manifest,
}: Pick<MeasuredRun, 'directory' | 'manifest'>): PosteriorSummary | null {
  const content = new RunFolder(directory).artifact(POSTERIOR.summary);
  if (content === null) return null;
  const summary = POSTERIOR_SUMMARY.read(content, path.join(directory, 'artifacts', POSTERIOR.summary));
  return isOfSelected(summary, manifest) ? summary : null;
}

/** Figure 1 of a run that has it, as files beside the tables: `figure1-sri-seed-0-tsne.svg` and the like. */
export function posteriorFiles(measured: MeasuredRun): [name: string, content: string][] {
  if (keptPosterior(measured) === null) return [];
  const { run, directory } = measured;
  const folder = new RunFolder(directory);
  return [POSTERIOR.map, POSTERIOR.marginals, POSTERIOR.samples].flatMap((artifact): [string, string][] => {
    const content = folder.artifact(artifact);
    const name = artifact.replace(/^posterior/, `figure1-${run.name}-seed-${run.seed}`);
    return content === null ? [] : [[name, content]];
  });
}

export interface PosteriorSamples {
  /** Which sentences of the split. */
  sentences: Int32Array;
  /** Their words, with spaces between. */
  texts: readonly string[];
  /** Their classes; null where the corpus has none. */
  labels: readonly string[] | null;
  /** A code of each, `[sentences, latentSize]`. */
  z: Float32Array;
  /** As many samples of the prior, of the same shape. */
  prior: Float32Array;
  /** Positions of the codes on a map that the prior's samples share, `[sentences, 2]`. */
  map: Float64Array;
  /** Positions of the prior's samples on that map, `[sentences, 2]`. */
  priorMap: Float64Array;
  latentSize: number;
}

/** A line for each sample, of the aggregate posterior first, then of the prior. */
export function posteriorCsv({
  sentences,
  texts,
  labels,
  z,
  map,
  prior,
  priorMap,
  latentSize,
}: PosteriorSamples): string {
  const dimensions = Array.from({ length: latentSize }, (_, d) => `z${d}`);
  // Nine digits give every number of single precision back as it was.
  const numbers = (values: Float32Array | Float64Array, row: number, size: number) =>
    Array.from(values.subarray(row * size, (row + 1) * size), (value) => Number(value.toPrecision(9)));
  const lines = [
    ...Array.from(sentences, (sentence, i) => [
      'posterior',
      sentence,
      labels?.[i] ?? '',
      ...numbers(map, i, 2),
      ...numbers(z, i, latentSize),
      texts[i]!,
    ]),
    ...Array.from({ length: prior.length / latentSize }, (_, i) => [
      'prior',
      '',
      '',
      ...numbers(priorMap, i, 2),
      ...numbers(prior, i, latentSize),
      '',
    ]),
  ];
  return csvText([['sample', 'sentence', 'label', 'tsne1', 'tsne2', ...dimensions, 'text'], ...lines]);
}
