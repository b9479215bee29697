import { describe, expect, test } from 'vitest';
import { type Batch, evaluationSubset } from '../../src/data/batches.js';
import { EncodedSplit, type Split } from '../../src/data/corpus.js';
import { InputError, InterruptedError } from '../../src/errors.js';
import { type EvaluationOptions, type EvaluationProgress, evaluate } from '../../src/evaluation/evaluate.js';
import type { ExactModel, LatentModel } from '../../src/evaluation/evaluated-model.js';
import { FittedEstimator } from '../../src/evaluation/perplexity/fitted-estimator.js';
import { JacobianEstimator } from '../../src/evaluation/perplexity/jacobian-estimator.js';
import { perplexity } from '../../src/evaluation/perplexity/perplexity.js';
import { ShortRunPosterior } from '../../src/inference/short-run-posterior.js';
import { constantSchedule, TinyRnn } from '../inference/models.js';

/** Sentences of one to four words, out of the network's five. */
function toySplit(sentences: number): Split {
  const offsets = [0];
  const ids: number[] = [];
  for (let i = 0; i < sentences; i++) {
    for (let t = 0; t <= (i * 7) % 4; t++) ids.push((3 * i + 2 * t + ((i * t) % 3)) % 5);
    offsets.push(ids.length);
  }
  return new EncodedSplit('test', Int32Array.from(ids), Int32Array.from(offsets), null);
}

const split = toySplit(30);

/** A network that reads the batch's words; </s> (3) ends each sentence, as in the targets. */
function network(batch: Batch): TinyRnn {
  const texts = Array.from({ length: batch.size }, (_, column) =>
    Array.from({ length: batch.tokens }, (__, t) => batch.targets[t * batch.size + column]!),
  );
  return new TinyRnn(texts, 2, { scale: 1.5 });
}

function latentModel(schedule = constantSchedule(0.05, 6)) {
  const seen: number[][] = [];
  let open = 0;
  const model: LatentModel = {
    hasLatent: true,
    latentSize: 2,
    inference: 'short-run',
    likelihood(batch) {
      seen.push(Array.from(batch.indices));
      open++;
      return Object.assign(network(batch), { dispose: () => open-- });
    },
    posterior: (_, likelihood, keys, pathDraws) => new ShortRunPosterior(likelihood, schedule, keys, pathDraws),
  };
  return { model, seen, open: () => open };
}

const options = (changes: Partial<EvaluationOptions> = {}): EvaluationOptions => ({
  metrics: ['ppl', 'recon', 'au', 'kl'],
  estimator: new FittedEstimator({ draws: 60, chains: 4, metropolisSteps: 10 }),
  seed: 5,
  batchSize: 4,
  limit: null,
  perplexitySentences: null,
  ...changes,
});

describe('a model with a latent code', () => {
  test('gives a row a metric, two for KL, that survive JSON', async () => {
    const { model, seen, open } = latentModel();
    const rows = await evaluate(model, split, options({ draws: 64 }));
    expect(rows.map(({ metric, estimator }) => `${metric} ${estimator}`)).toEqual([
      'ppl fitted',
      'recon short-run',
      'au short-run',
      'kl jacobian',
      'kl gaussian',
    ]);
    for (const row of rows) {
      expect(row).toMatchObject({ split: 'test', sentences: 30, seed: 5 });
      expect(row.value).toBeGreaterThan(0);
      expect(row.standardError).toBeGreaterThan(0);
      expect(row.seconds).toBeGreaterThan(0);
    }
    const plain = rows.map(({ perSentence: _, ...row }) => row);
    expect(JSON.parse(JSON.stringify(plain))).toEqual(plain);
    expect(rows[0]!.words).toBe(
      split.length + Array.from({ length: 30 }, (_, i) => split.sentence(i).length).reduce((a, b) => a + b),
    );
    expect(seen.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(open()).toBe(0);
  });

  test('says what each mean is of, sentence by sentence in the order of the split, and nothing where it is no mean', async () => {
    const rows = await evaluate(
      latentModel().model,
      split,
      options({ metrics: ['ppl', 'recon', 'au', 'kl', 'mi', 'gain'], limit: 9 }),
    );
    for (const { metric, estimator, value, words, perSentence } of rows) {
      if (metric === 'au') {
        expect(perSentence).toBeUndefined();
        continue;
      }
      expect(perSentence!.index, `${metric} by ${estimator}`).toEqual(evaluationSubset(split, 9));
      const mean = perSentence!.value.reduce((sum, v) => sum + v) / 9;
      const told = metric === 'ppl' ? Math.exp((-mean * 9) / words!) : mean;
      expect(told).toBeCloseTo(value!, 3);
    }
    // A sentence's own number is the same in a batch of its own.
    const [alone] = await evaluate(latentModel().model, split, options({ metrics: ['ppl'], limit: 9, batchSize: 1 }));
    alone!.perSentence!.value.forEach((value, i) => {
      expect(value).toBeCloseTo(rows[0]!.perSentence!.value[i]!, 4);
    });
  });

  test('its perplexity is that of a sum over a grid', async () => {
    const small = toySplit(8);
    const truth = Array.from({ length: 8 }, (_, i) => {
      const text = [...small.sentence(i), 3];
      return { logLikelihood: new TinyRnn([text], 2, { scale: 1.5 }).byQuadrature(0).logEvidence, words: text.length };
    });
    const exact = perplexity(truth);
    const estimators = [new FittedEstimator({ draws: 1000 }), new JacobianEstimator(200)];
    for (const estimator of estimators) {
      const { model } = latentModel(constantSchedule(0.02, 5));
      const [row] = await evaluate(model, small, options({ metrics: ['ppl'], estimator }));
      expect(row).toMatchObject({ estimator: estimator.name, words: exact.words });
      expect(Math.abs(row!.value! / exact.value - 1)).toBeLessThan(0.03);
      // Sentences differ far more than the draws of one do.
      expect(row!.standardError! / exact.standardError).toBeCloseTo(1, 1);
    }
  });

  test('a metric has the same value alone as in company, and on a subset that all seeds have', async () => {
    const measure = (changes: Partial<EvaluationOptions>) =>
      evaluate(latentModel().model, split, options({ limit: 12, ...changes }));
    const together = await measure({ perplexitySentences: 5 });
    for (const metric of ['ppl', 'recon', 'au', 'kl'] as const) {
      const alone = await measure({ perplexitySentences: 5, metrics: [metric], batchSize: 3 });
      const same = together.filter((row) => row.metric === metric);
      alone.forEach(({ value, sentences }, i) => {
        expect(sentences).toBe(metric === 'ppl' || metric === 'kl' ? 5 : 12);
        expect(sentences).toBe(same[i]!.sentences);
        expect(value).toBeCloseTo(same[i]!.value!, 9);
      });
    }
    const { model, seen } = latentModel();
    await evaluate(model, split, options({ limit: 12, perplexitySentences: 5 }));
    expect(seen.flat().sort((a, b) => a - b)).toEqual(Array.from(evaluationSubset(split, 12)));
  });

  test('has perplexity over no more sentences than the limit, however many are asked for', async () => {
    const { model, seen } = latentModel();
    const [row] = await evaluate(model, split, options({ metrics: ['ppl'], limit: 3, perplexitySentences: 9 }));
    expect(row!.sentences).toBe(3);
    expect(seen.flat().sort((a, b) => a - b)).toEqual(Array.from(evaluationSubset(split, 3)));
  });

  test('measures the gain over codes of the prior and of other sentences, and over LSTM-LM where that is known', async () => {
    const measure = (languageModelNll: ReadonlyMap<number, number> | null) =>
      evaluate(
        latentModel().model,
        split,
        options({ metrics: ['recon', 'gain'], languageModelNll: () => languageModelNll }),
      );
    const variants = (rows: readonly { variant?: string | undefined }[]) => rows.map(({ variant }) => variant);
    expect(variants(await measure(null))).toEqual([undefined, 'over-prior', 'over-other-sentence']);
    const rows = await measure(new Map(Array.from({ length: 30 }, (_, i) => [i, 50])));
    expect(variants(rows)).toEqual([undefined, 'over-prior', 'over-other-sentence', 'over-lstm-lm']);
    expect(rows[3]!.value).toBeCloseTo(50 - rows[0]!.value!, 4);
    expect(rows[2]!.sentences + rows[2]!.facts!.leftOut!).toBe(30);
    expect(await measure(null)).toMatchObject([{}, {}, { value: rows[2]!.value }]);
  });

  test('tells by words how far it is, as a long sentence takes longer', async () => {
    const told: EvaluationProgress[] = [];
    await evaluate(latentModel().model, split, options({ limit: 10, perplexitySentences: 4 }), (moment) =>
      told.push(moment),
    );
    const words = (sentences: Int32Array) => sentences.reduce((sum, i) => sum + split.lengthOf(i) + 1, 0);
    const total = words(evaluationSubset(split, 10));
    expect(told.every((moment) => moment.total === total)).toBe(true);
    expect(told.findLast(({ metrics }) => metrics.includes('ppl'))!.done).toBe(words(evaluationSubset(split, 4)));
    expect(told.at(-1)).toMatchObject({ done: total, metrics: ['recon', 'au'] });
    expect(told[0]!.metrics).toEqual(['ppl', 'recon', 'au', 'kl']);
  });

  test('says what is wrong with its numbers', async () => {
    const diverging = await evaluate(latentModel(constantSchedule(1e6, 12)).model, split, options({ limit: 4 }));
    const byName = Object.fromEntries(diverging.map((row) => [`${row.metric} ${row.estimator}`, row]));
    expect(byName['ppl fitted']!.value).toBeGreaterThan(1);
    for (const name of ['recon short-run', 'au short-run', 'kl jacobian', 'kl gaussian']) {
      expect(byName[name]!.value).toBeNull();
      expect(byName[name]!.warnings.join()).toMatch(/finite/);
    }
    const folding = await evaluate(
      latentModel(constantSchedule(1.2, 6)).model,
      split,
      options({ limit: 4, estimator: new JacobianEstimator(5), metrics: ['ppl', 'kl'] }),
    );
    expect(folding[0]!.notPositiveDefinite).toBeGreaterThan(0);
    expect(folding[0]!.warnings.join()).toMatch(/no bound/);
    expect(folding[1]!.warnings.join()).toMatch(/no bound/);
    const poor = await evaluate(
      latentModel().model,
      split,
      options({ metrics: ['ppl'], limit: 4, estimator: new JacobianEstimator(2) }),
    );
    expect(poor[0]!.effectiveSampleSize).toMatchObject({ shareBelow2: 1 });
    expect(poor[0]!.warnings.join()).toMatch(/4 of 4 sentences/);
    const noisy = await evaluate(latentModel().model, split, options({ metrics: ['au'], draws: 2 }));
    expect(noisy[0]!.warnings.join()).toMatch(/Monte Carlo variance/);
    expect(noisy[0]!.facts!.drawsNeeded).toBeGreaterThan(2);
  });

  test('stops when told to, and lets go of what it held', async () => {
    const { model, open } = latentModel();
    const stop = new AbortController();
    const running = evaluate(model, split, options({ signal: stop.signal }), () => stop.abort());
    await expect(running).rejects.toThrow(InterruptedError);
    expect(open()).toBe(0);
  });
});

describe('a model without one', () => {
  const model: ExactModel = {
    hasLatent: false,
    // Every word costs log 7, every sentence 0.5 more.
    sentenceNll: ({ size, tokens }) => new Float32Array(size).fill(tokens * Math.log(7) + 0.5),
  };

  test('has the perplexity of its sentences, exactly', async () => {
    const [row] = await evaluate(model, split, options({ metrics: ['ppl'], perplexitySentences: 3 }));
    const words = split.length + Array.from({ length: 30 }, (_, i) => split.sentence(i).length).reduce((a, b) => a + b);
    expect(row).toMatchObject({ metric: 'ppl', estimator: 'exact', sentences: 30, words, draws: 0, warnings: [] });
    expect(row!.value).toBeCloseTo(7 * Math.exp((30 * 0.5) / words), 4);
    expect(row!.perSentence!.index).toEqual(Int32Array.from({ length: 30 }, (_, i) => i));
    row!.perSentence!.value.forEach((value, i) => {
      expect(value).toBeCloseTo(-(split.sentence(i).length + 1) * Math.log(7) - 0.5, 4);
    });
  });

  test('has nothing else to measure', async () => {
    await expect(evaluate(model, split, options())).rejects.toThrow(InputError);
    await expect(evaluate(model, split, options())).rejects.toThrow(/recon, au, kl/);
    await expect(evaluate(model, toySplit(0), options({ metrics: ['ppl'] }))).rejects.toThrow(/no sentence/);
  });
});
