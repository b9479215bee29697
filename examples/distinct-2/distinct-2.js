// A metric of one's own: how varied are the sentences that a model says back? Each sentence is read, its mean code decoded
// greedily, and of all pairs of neighbouring words so written the share of different ones is taken (distinct-2 of Li et al.
// 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models"). A decoder that ignores its code writes
// one sentence again and again: the share goes to zero with the number of sentences.

import { defineFigure, defineMetric, defineTable } from 'sri';
import {
  bySeeds,
  chooseRow,
  decodeSentences,
  drawsOfChains,
  lineFigure,
  meanOverSeeds,
  methodLabel,
  metricTable,
} from 'sri/parts';

/** The share of different pairs among all, in percent, and its standard error by leaving out one sentence at a time. */
export function distinctPairs(sentences) {
  const pairsOf = sentences.map((words) => Array.from(words.slice(1), (word, i) => `${words[i]} ${word}`));
  const counts = new Map();
  for (const pair of pairsOf.flat()) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  const total = pairsOf.reduce((sum, pairs) => sum + pairs.length, 0);
  // Without a sentence the pairs are gone that it alone has.
  const without = pairsOf.map((pairs) => {
    const own = new Map();
    for (const pair of pairs) own.set(pair, (own.get(pair) ?? 0) + 1);
    const lost = [...own].filter(([pair, count]) => count === counts.get(pair)).length;
    return (100 * (counts.size - lost)) / (total - pairs.length);
  });
  const n = sentences.length;
  const mean = without.reduce((sum, value) => sum + value, 0) / n;
  const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { value: (100 * counts.size) / total, standardError: Math.sqrt(((n - 1) / n) * squares) };
}

class Distinct2 {
  metric = 'distinct-2';
  pathDraws = 0;
  sentences = [];

  constructor({ model, draws }) {
    this.decoder = model.decoder;
    this.draws = draws;
  }

  /** The sentences of a batch are of one length; what is written is cut where it is twice as long. */
  async add({ sentences, words }, posterior) {
    this.knowsMean = posterior.knowsMean;
    const codes = posterior.mean(this.draws);
    const options = { decoding: { method: 'greedy' }, maxLength: 2 * words[0] };
    const written = await decodeSentences(this.decoder, codes, sentences, options);
    this.sentences.push(...written.map((sentence) => sentence.words));
  }

  result() {
    const { metric, knowsMean, sentences, draws } = this;
    const finite = (number) => (Number.isFinite(number) ? number : null);
    const { value, standardError } = distinctPairs(sentences);
    return {
      metric,
      estimator: 'greedy',
      value: finite(value),
      standardError: finite(standardError),
      sentences: sentences.length,
      // The mean of a code is known, but for that of short runs.
      draws: knowsMean ? 0 : draws,
      warnings: finite(value) === null ? ['no sentence of two words was written'] : [],
    };
  }
}

const distinct2 = defineMetric({
  name: 'distinct-2',
  label: 'Distinct-2',
  description: 'different pairs of neighbouring words in greedy reconstructions, of all',
  unit: '%',
  direction: 'higher',
  // A run that has a row like this is not measured again.
  wanted: (context) => [drawsOfChains(context, context.evaluation.inferenceChains)],
  measure: (context) => [new Distinct2(context)],
});

const SHOWN = ['distinct-2', 'recon'];

/** How varied what is said back is, beside how well: either is easy without the other. */
const variety = defineTable({
  name: 'variety',
  caption: 'Variety of what is said back',
  needs: [{ measuring: 'metrics', metrics: SHOWN }],
  make: (runs, split) => metricTable(SHOWN, runs, split),
});

/** A point for each method and setting that has both, the mean of its seeds, as the series of a plot. */
function pointsOf(runs, split) {
  return bySeeds(runs).flatMap((seeds) => {
    const [y, x] = SHOWN.map((metric) => meanOverSeeds(seeds.map((one) => chooseRow(one, metric, split)))?.value);
    return x == null || y == null ? [] : [{ label: methodLabel(seeds[0]), seeds: seeds.length, x: [x], y: [y] }];
  });
}

const AXES = { name: 'different pairs, %', xTitle: 'reconstruction, nats a sentence', zero: false };

/** The table at a glance: it needs what the table needs, and stands beneath it on the page. */
const drawn = defineFigure({
  name: 'variety',
  caption: 'Variety over reconstruction',
  beside: variety,
  show(runs, split) {
    const series = pointsOf(runs, split);
    return series.length === 0 ? null : series;
  },
  draw: (series) => lineFigure({ title: 'Variety over reconstruction', ...AXES, series }),
  chart: (series) => ({ views: [{ ...AXES, series }], caption: 'A point for each method: how well, and how varied.' }),
});

export default [distinct2, variety, drawn];
