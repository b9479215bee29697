// Figure 1 of a trained run - where the codes of many sentences lie, beside the prior - as pictures, samples and numbers.

import path from 'node:path';
import { evaluationSubset } from '../data/batches.js';
import type { SplitName } from '../data/splits.js';
import { aggregatePosterior } from '../evaluation/aggregate-posterior.js';
import { inferCodes } from '../evaluation/codes.js';
import { interpolate } from '../evaluation/interpolation.js';
import { ITERATIONS, usedPerplexity } from '../evaluation/t-sne.js';
import { marginalDensities } from '../report/figures/marginal-densities.js';
import { posteriorScatter } from '../report/figures/posterior-scatter.js';
import { methodLabel } from '../report/table.js';
import {
  POSTERIOR,
  POSTERIOR_MAP,
  POSTERIOR_SUMMARY,
  type PosteriorMap,
  type PosteriorSummary,
  posteriorCsv,
} from '../runs/posterior-files.js';
import { shownText } from '../runs/shown-text.js';
import { decodeTexts, settled, textOf } from './decode-texts.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, stage } from './progress.js';

/** Codes of the map between any two of which the sentences are written: 45 ways. */
const LANDMARKS = 10;
/** Sentences of a way, its ends included. */
const WAY_POINTS = 7;

export interface PosteriorRequest {
  /** Drawn by seed; all of a split that has no more. */
  sentences: number;
  split: SplitName;
}

/**
 * Draws one code of each of some sentences, describes them beside the prior, and keeps all of it among the run's
 * artifacts.
 * @returns the numbers, and the files in the order of their making.
 * @throws {InputError} for a method without a latent code, or one whose inference diverged.
 * @throws {InterruptedError} where the signal asked to stop; nothing was written then.
 */
export async function posteriorRun(
  opened: OpenRun,
  { sentences, split: name }: PosteriorRequest,
  { signal, onProgress }: Following = {},
): Promise<{ summary: PosteriorSummary; files: string[] }> {
  const { run, folder, corpus, provenance } = opened;
  const model = latentModel(opened, 'sri posterior');
  folder.tryWriting('artifacts');
  const { latentSize } = model;
  const { seed } = run;
  const split = corpus.splits[name];
  const indices = evaluationSubset(split, sentences);
  const labels = corpus.labels && Array.from(indices, (i) => corpus.labels![split.label(i)!]!);

  const texts = Array.from(indices, (i) => textOf(corpus, split.sentence(i)));

  const { z } = await inferCodes(
    model,
    split,
    { indices, batchSize: run.training.batchSize, seed, draws: 1, keepDraws: true, signal },
    stage(`codes of ${name}`, onProgress),
  );
  const codes = z!;
  const posterior = await aggregatePosterior(codes, latentSize, { seed, signal }, stage('t-SNE', onProgress));
  const { rms, threshold, leaving, marginals, map, prior, priorMap } = posterior;
  const summary: PosteriorSummary = {
    ...provenance,
    split: name,
    sentences: indices.length,
    seed,
    latentSize,
    rms,
    threshold,
    leaving,
    perplexity: usedPerplexity(2 * indices.length),
    iterations: ITERATIONS,
    dimensions: marginals.map(({ density, ...numbers }) => numbers),
  };

  const points = Array.from(indices, (_, i) => ({
    text: texts[i]!,
    label: labels?.[i] ?? null,
    ...{ x: hundredth(map[2 * i]!), y: hundredth(map[2 * i + 1]!) },
  }));
  const landmarks = farApart(points, LANDMARKS);
  const code = (landmark: number) => codes.subarray(landmarks[landmark]! * latentSize).subarray(0, latentSize);
  const ways = await waysBetween(
    opened,
    landmarks.map((_, landmark) => code(landmark)),
    { signal, onProgress },
  );
  const priorPoints = Array.from({ length: priorMap.length / 2 }, (_, i): [number, number] => [
    hundredth(priorMap[2 * i]!),
    hundredth(priorMap[2 * i + 1]!),
  ]);

  const title = `${methodLabel(opened)} on ${run.dataSet}`;
  const artifacts = [
    [
      POSTERIOR.samples,
      posteriorCsv({ sentences: indices, texts, labels, z: codes, latentSize, map, prior, priorMap }),
    ],
    [
      POSTERIOR.map,
      await posteriorScatter({
        title: `${title}: aggregate posterior by t-SNE`,
        posterior: map,
        prior: priorMap,
        classes: labels ?? undefined,
      }),
    ],
    [POSTERIOR.marginals, await marginalDensities({ title: `${title}: aggregate posterior by dimension`, marginals })],
    [POSTERIOR.points, POSTERIOR_MAP.write({ ...provenance, points, prior: priorPoints, landmarks, ways })],
    [POSTERIOR.summary, POSTERIOR_SUMMARY.write(summary)],
  ] as const;
  for (const [file, content] of artifacts) await folder.writeArtifact(file, content);
  return { summary, files: artifacts.map(([file]) => path.join(folder.directory, 'artifacts', file)) };
}

/** Of a map's coordinates, whose unit is nothing. */
function hundredth(value: number): number {
  return Math.round(100 * value) / 100;
}

/**
 * Points that cover a map: the first, then time and again the one that is farthest from those taken (Gonzalez 1985).
 * @returns their indices; all where there are no more than `count`.
 */
export function farApart(points: readonly { x: number; y: number }[], count: number): number[] {
  const taken: number[] = [];
  const distances = points.map(() => Number.POSITIVE_INFINITY);
  while (taken.length < Math.min(count, points.length)) {
    const next = distances.reduce((best, distance, i) => (distance > distances[best]! ? i : best), 0);
    taken.push(next);
    points.forEach(({ x, y }, i) => {
      const distance = Math.hypot(x - points[next]!.x, y - points[next]!.y);
      distances[i] = taken.includes(i) ? -1 : Math.min(distances[i]!, distance);
    });
  }
  return taken;
}

/** The sentences between any two of some codes, by the straight way. */
async function waysBetween(
  opened: OpenRun,
  codes: readonly Float32Array[],
  following: Following,
): Promise<PosteriorMap['ways']> {
  const pairs = codes.flatMap((_, from) => codes.slice(from + 1).map((_, i) => ({ from, to: from + 1 + i })));
  const along = Float32Array.from(
    pairs.flatMap(({ from, to }) => [...interpolate(codes[from]!, codes[to]!, WAY_POINTS)]),
  );
  const texts = await decodeTexts(opened, along, pairs.length * WAY_POINTS, settled(opened, {}), following);
  return pairs.map((ends, pair) => ({
    ...ends,
    texts: texts.slice(pair * WAY_POINTS, (pair + 1) * WAY_POINTS).map(shownText),
  }));
}
