// What can be made of a trained run for a table or a figure, each in one place: how a plan speaks of it, what of it a run still
// lacks, about how long that takes, and how it is made. Plan, dry run and whoever carries a plan out loop over these.

import type { RunConfig } from '../../config/schema.js';
import type { SplitName } from '../../data/splits.js';
import { EXACT, estimatorName } from '../../evaluation/perplexity/registry.js';
import { can } from '../../methods/capability.js';
import type { Inference } from '../../methods/method.js';
import type { Measuring, Need } from '../../report/product.js';
import type { MeasuredRun } from '../../runs/measured-run.js';
import { keptPosterior } from '../../runs/posterior-files.js';
import { GENERATIONS, INTERPOLATIONS } from '../../runs/texts.js';
import { classifyRun, type SkippedLabels } from '../classify.js';
import { evaluateRun, metricQuantities, metricsOf, perplexityQuantity } from '../evaluate.js';
import { generateRun } from '../generate.js';
import { interpolateRun, type UnknownWords } from '../interpolate.js';
import { noisyReconRun } from '../noisy-reconstruction.js';
import type { OpenRun } from '../open-run.js';
import { posteriorRun } from '../posterior.js';
import type { Following, RowEvent, Stage, WarningEvent } from '../progress.js';
import { FIGURE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_5 } from '../published.js';
import {
  classificationSeconds,
  decodingSeconds,
  estimatorSeconds,
  metricsSeconds,
  noisySeconds,
  posteriorSeconds,
  type Workload,
} from './estimate.js';
import {
  checkedSentences,
  isChecked,
  isMeasured,
  type MeasuringTerms,
  plannedLabels,
  plannedSwaps,
  textsOf,
} from './outstanding.js';

/** Sentences that Tables 2 and 3 take together: more than either of them. */
const DECODED = 20;

/** What making something of a run may tell along the way. */
export type MeasuringEvent = Stage | RowEvent | WarningEvent | SkippedLabels | UnknownWords;

/** @typeParam Left what a run may lack of it. */
interface MeasuringDefinition<Left extends object> {
  /** In words. @param of which run. */
  describe(of: string): string;
  /** Whether a method of this inference has it; where absent, each that has a code. */
  isOf?(inference: Inference, metrics: readonly string[]): boolean;
  /** Why it cannot be made of a split; null where it can. */
  refusal?(split: SplitName): string | null;
  /**
   * What a run lacks; null where it lacks nothing.
   * @param found the run, or null where no epoch of it was finished.
   * @param metrics that are wanted, where it is of metrics.
   */
  missing(found: MeasuredRun | null, how: MeasuringTerms, metrics: readonly string[]): Left | null;
  /** By which no two processes measure it at once; its kind where absent. */
  quantities?(left: Left, run: RunConfig): string[];
  /** Seconds that it takes, about. */
  seconds(work: Workload, left: Left): number;
  make(opened: OpenRun, left: Left, split: SplitName, following: Following<MeasuringEvent>): Promise<unknown>;
}

/** Each definition is asked about what it said itself is left, so that what that is need not be known here. */
function measuring<Left extends object>(definition: MeasuringDefinition<Left>): MeasuringDefinition<object> {
  return definition as unknown as MeasuringDefinition<object>;
}

const DEFINITIONS = {
  metrics: measuring({
    describe: (of) => `measure ${of}`,
    isOf: (inference, metrics) => metricsOf(inference, metrics).length > 0,
    missing(found, how, wanted) {
      const metrics = metricsOf(how.inference, wanted).filter((metric) => !isMeasured(found, metric, how));
      return metrics.length === 0 ? null : { metrics };
    },
    quantities: ({ metrics }, run) => metricQuantities(run, metrics),
    seconds: (work, { metrics }) => metricsSeconds(work, metrics),
    make: (opened, { metrics }, split, following) => evaluateRun(opened, { metrics, split }, following),
  }),
  ais: measuring({
    describe: (of) => `check the perplexity of ${of}`,
    isOf: (inference) => can(inference, 'distribution'),
    missing(found, how) {
      const own = estimatorName(how.run.evaluation, how.inference);
      if (own === 'ais') return null;
      const sentences = checkedSentences(how);
      const estimators = ['ais', own].filter((estimator) => !isChecked(found, estimator, sentences, how));
      return estimators.length === 0 ? null : { estimators, sentences };
    },
    quantities: ({ estimators }) => estimators.map(perplexityQuantity),
    seconds: (work, { estimators, sentences }) =>
      estimators.reduce((sum, estimator) => sum + estimatorSeconds(work, estimator, sentences), 0),
    async make(opened, { estimators, sentences }, split, following) {
      for (const estimator of estimators) {
        const { evaluation } = opened.run;
        const run = { ...opened.run, evaluation: estimator === EXACT ? evaluation : { ...evaluation, estimator } };
        await evaluateRun({ ...opened, run }, { metrics: ['ppl'], split, limit: sentences }, following);
      }
    },
  }),
  interpolations: measuring({
    describe: (of) => `interpolations of ${of}`,
    missing: (found) => (textsOf(found, INTERPOLATIONS) >= TABLE_2.pairs * TABLE_2.points ? null : {}),
    seconds: (work) => decodingSeconds(work, DECODED),
    make: (opened, _, __, following) => interpolateRun(opened, {}, following),
  }),
  generations: measuring({
    describe: (of) => `generations of ${of}`,
    missing: (found) => (textsOf(found, GENERATIONS) >= TABLE_3.count ? null : {}),
    seconds: (work) => decodingSeconds(work, DECODED),
    make: (opened, _, __, following) => generateRun(opened, {}, following),
  }),
  'noisy-recon': measuring({
    describe: (of) => `noisy reconstruction of ${of}`,
    missing(found, how) {
      const { variants, settings } = plannedSwaps();
      const swaps = TABLE_4.swaps.filter(
        (_, i) => !isMeasured(found, 'noisy-recon', how, { variant: variants[i]!, settings }),
      );
      return swaps.length === 0 ? null : { swaps };
    },
    seconds: (work, { swaps }) => noisySeconds(work, { swaps: swaps.length, noiseDraws: TABLE_4.noiseDraws }),
    make: (opened, { swaps }, split, following) => noisyReconRun(opened, { ...TABLE_4, swaps, split }, following),
  }),
  classification: measuring({
    describe: (of) => `classification of ${of}`,
    refusal: (split) => (split === 'train' ? 'classification learns from that split' : null),
    missing(found, how) {
      const sentences = how.statistics?.splits.train.sentences ?? Number.POSITIVE_INFINITY;
      // Those by modes come with them, and are no reason to measure a run of before there were any again.
      const { variants, settings } = plannedLabels(how);
      const labels = TABLE_5.labels.filter(
        (_, i) => !isMeasured(found, 'accuracy', how, { variant: variants[i]!, settings }),
      );
      // More labels than there are sentences can never be had; that is said when the others are measured, and no reason to
      // measure again.
      return labels.some((count) => count <= sentences) ? { labels } : null;
    },
    seconds: (work, { labels }) => classificationSeconds(work, { labels, draws: TABLE_5.draws }),
    make(opened, { labels }, split, following) {
      const tested = split === 'train' ? TABLE_5.split : split;
      return classifyRun(opened, { ...TABLE_5, labels, split: tested }, following);
    },
  }),
  posterior: measuring({
    describe: (of) => `posterior of ${of}`,
    missing(found, { statistics, split }) {
      const kept = found === null ? null : keptPosterior(found);
      const there = statistics?.splits[split].sentences ?? 0;
      return kept?.split === split && kept.sentences >= Math.min(FIGURE_1.sentences, there) ? null : {};
    },
    seconds: (work) => posteriorSeconds(work, FIGURE_1.sentences),
    make: (opened, _, split, following) => posteriorRun(opened, { ...FIGURE_1, split }, following),
  }),
} as const satisfies Record<Measuring, MeasuringDefinition<object>>;

/** Whether it can be made of a method of this inference. */
export function canMake(need: Need, inference: Inference): boolean {
  const { isOf }: MeasuringDefinition<object> = DEFINITIONS[need.measuring];
  return isOf?.(inference, metricsIn(need)) ?? can(inference, 'code');
}

/** Why it cannot be made of a split; null where it can. */
export function refusalOf({ measuring: kind }: Need, split: SplitName): string | null {
  const { refusal }: MeasuringDefinition<object> = DEFINITIONS[kind];
  return refusal?.(split) ?? null;
}

function metricsIn(of: object): readonly string[] {
  return 'metrics' in of ? (of.metrics as readonly string[]) : [];
}

/** Something to be made of a run. */
export type MeasuringTask =
  /** @property metrics of which rows are wanted; a run has those that its method has. */
  | { kind: 'metrics'; run: RunConfig; metrics: readonly string[] }
  | { kind: Exclude<Measuring, 'metrics'>; run: RunConfig };

/** What is still to be made of a run. */
export type Remaining = { kind: Measuring } & Record<string, unknown>;

/**
 * What a run lacks of what a task makes, for its best weights, on as many sentences as the configuration asks for.
 * @param found the run, or null where no epoch of it was finished.
 * @returns null where nothing is missing.
 */
export function remaining(
  task: Pick<MeasuringTask, 'kind'>,
  found: MeasuredRun | null,
  how: MeasuringTerms,
): Remaining | null {
  const { kind } = task;
  const left = DEFINITIONS[kind].missing(found, how, metricsIn(task));
  return left === null ? null : { kind, ...left };
}

/** What of a run nobody else is to measure meanwhile; see `measuringAlone`. */
export function quantitiesOf({ kind, ...left }: Remaining, run: RunConfig): string[] {
  const { quantities }: MeasuringDefinition<object> = DEFINITIONS[kind];
  return quantities?.(left, run) ?? [kind];
}

/** Seconds that it takes, about. */
export function secondsOf({ kind, ...left }: Remaining, work: Workload): number {
  return DEFINITIONS[kind].seconds(work, left);
}

/** Makes it, of a run that was opened. */
export async function makeRemaining(
  { kind, ...left }: Remaining,
  opened: OpenRun,
  split: SplitName,
  following: Following<MeasuringEvent>,
): Promise<void> {
  await DEFINITIONS[kind].make(opened, left, split, following);
}

/** In words. @param of which run. */
export function describeMeasuring(kind: Measuring, of: string): string {
  return DEFINITIONS[kind].describe(of);
}
