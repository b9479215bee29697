// What the decoder gains from the code: how much less a sentence surprises it when it is told the inferred z. Less than
// what, is to be said. Codes of the prior need not be codes that inference ever gives, and are poor where the two differ:
// an autoencoder gains much over them. Codes of other sentences are of inference's own kind. And a language model that does
// without a code says what a code was worth.

import { nllInPieces, type Posterior, priorDraws } from '../inference/posterior.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { walkToPrior } from '../inference/tilted-prior.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { RandomStream } from '../random/philox.js';
import { finiteOrNull } from '../runs/row.js';
import { defineMetric } from './define-metric.js';
import { countNotFinite, divergenceWarnings, type MeasuredQuantity, type Measurement, meanRow } from './measurement.js';
import { meanOverDraws, SentenceMean } from './statistics.js';

/** What a gain is over, as rows name it. */
export const GAIN_OVER = { prior: 'over-prior', otherSentence: 'over-other-sentence', lstmLm: 'over-lstm-lm' } as const;

/**
 * E_p(z)[NLL(z)] - E_q(z|x)[NLL(z)], nats a sentence, from as many draws of one as of the other; in all and at each
 * position.
 */
export class GainOverPrior implements Measurement {
  readonly metric = 'gain';
  readonly pathDraws = 0;
  private readonly gain = new SentenceMean();
  private readonly prior = new SentenceMean();
  /** Of each position: the sum over sentences that reach it, and their number. */
  private readonly positions: { sum: number; sentences: number }[] = [];
  private notFinite = 0;
  private inference = '';

  /** @param draws a sentence. */
  constructor(private readonly draws: number) {}

  add(likelihood: ConditionalLikelihood, posterior: Posterior): void {
    const { sentences, latentSize } = likelihood;
    const { draws } = this;
    this.inference = posterior.name;
    const fromPrior = walkToPrior(likelihood.prior, priorDraws(posterior.keys, draws, latentSize), posterior.keys);
    const inferred = posterior.z(draws);
    const [before, after] = [fromPrior, inferred].map((z) => this.tokenNll(likelihood, z));
    const tokens = before!.length / sentences;
    const totals = [before!, after!].map((means) =>
      Float64Array.from({ length: sentences }, (_, sentence) => {
        let sum = 0;
        for (let t = 0; t < tokens; t++) sum += means[t * sentences + sentence]!;
        return sum;
      }),
    );
    this.prior.add(totals[0]!, posterior.keys.sentences);
    this.gain.add(
      totals[0]!.map((value, sentence) => value - totals[1]![sentence]!),
      posterior.keys.sentences,
    );
    for (let t = 0; t < tokens; t++) {
      this.positions[t] ??= { sum: 0, sentences: 0 };
      const position = this.positions[t]!;
      position.sentences += sentences;
      for (let sentence = 0; sentence < sentences; sentence++) {
        const at = t * sentences + sentence;
        position.sum += before![at]! - after![at]!;
      }
    }
  }

  result(): MeasuredQuantity {
    const { metric, draws, inference, notFinite } = this;
    return {
      metric,
      variant: GAIN_OVER.prior,
      estimator: inference,
      ...meanRow(this.gain),
      draws,
      facts: shareOf(this.gain, this.prior, 'nllUnderPrior'),
      series: { position: this.positions.map(({ sum, sentences }) => finiteOrNull(sum / sentences)) },
      warnings: divergenceWarnings(notFinite),
    };
  }

  /** Mean over the draws of each token's NLL, `[tokens, sentences]`; a draw at a time, for the memory of it. */
  private tokenNll(likelihood: ConditionalLikelihood, z: Float32Array): Float64Array {
    const size = z.length / this.draws;
    let means: Float64Array | null = null;
    for (let m = 0; m < this.draws; m++) {
      const nll = likelihood.tokenNll(z.subarray(m * size, (m + 1) * size));
      this.notFinite += countNotFinite(nll);
      means ??= new Float64Array(nll.length);
      for (let i = 0; i < nll.length; i++) means[i]! += nll[i]! / this.draws;
    }
    return means!;
  }
}

/**
 * E_q(z|y)[NLL(z)] - E_q(z|x)[NLL(z)] of sentence x, with y another of its batch and so of its length, for every draw
 * another one; nats a sentence. Were the decoder's log p(x | z) and q each other's, it would be the mutual information and
 * the same with the two distributions exchanged.
 *
 * A sentence that is alone in its batch takes the codes of one of its length from a batch before; where there was none it
 * is left out, and counted in `facts.leftOut`.
 */
export class GainOverOtherSentence implements Measurement {
  readonly metric = 'gain';
  readonly pathDraws = 0;
  private readonly gain = new SentenceMean();
  private readonly other = new SentenceMean();
  /** By length, the codes of the last sentence of the batch before, `[draws, latentSize]`. */
  private readonly before = new Map<number, Float32Array>();
  private leftOut = 0;
  private notFinite = 0;
  private inference = '';

  /** @param draws a sentence. */
  constructor(private readonly draws: number) {}

  add(likelihood: ConditionalLikelihood, posterior: Posterior): void {
    const { sentences, latentSize, words } = likelihood;
    const { draws } = this;
    const { keys } = posterior;
    this.inference = posterior.name;
    const z = posterior.z(draws);
    const others = sentences > 1 ? codesOfOthers(z, keys, draws, latentSize) : (this.before.get(words[0]!) ?? null);
    const last = new Float32Array(draws * latentSize);
    for (let m = 0; m < draws; m++) {
      const at = (m * sentences + sentences - 1) * latentSize;
      last.set(z.subarray(at, at + latentSize), m * latentSize);
    }
    this.before.set(words[0]!, last);
    if (others === null) {
      this.leftOut++;
      return;
    }
    const nll = nllInPieces(likelihood, others);
    this.notFinite += countNotFinite(nll);
    const without = meanOverDraws(nll, sentences);
    const within = meanOverDraws(posterior.nll(draws), sentences);
    this.other.add(without, keys.sentences);
    this.gain.add(
      without.map((value, sentence) => value - within[sentence]!),
      keys.sentences,
    );
  }

  result(): MeasuredQuantity {
    const { metric, draws, inference, notFinite, leftOut } = this;
    const warnings = divergenceWarnings(notFinite);
    if (leftOut > 0) warnings.push(`${leftOut} sentences without another of their length were left out`);
    return {
      metric,
      variant: GAIN_OVER.otherSentence,
      estimator: inference,
      ...meanRow(this.gain),
      draws,
      facts: { ...shareOf(this.gain, this.other, 'nllUnderOther'), leftOut },
      warnings,
    };
  }
}

/** LSTM-LM's -log p(x) - E_q(z|x)[NLL(z)], nats a sentence, over the sentences that LSTM-LM was asked about. */
export class GainOverLanguageModel implements Measurement {
  readonly metric = 'gain';
  readonly pathDraws = 0;
  private readonly gain = new SentenceMean();
  private readonly languageModel = new SentenceMean();
  private inference = '';

  /**
   * @param draws a sentence.
   * @param nll LSTM-LM's -log p(x) of sentences of the split, nats.
   */
  constructor(
    private readonly draws: number,
    private readonly nll: ReadonlyMap<number, number>,
  ) {}

  add({ sentences }: ConditionalLikelihood, posterior: Posterior): void {
    this.inference = posterior.name;
    const within = meanOverDraws(posterior.nll(this.draws), sentences);
    posterior.keys.sentences.forEach((sentence, i) => {
      const without = this.nll.get(sentence);
      if (without === undefined) return;
      this.languageModel.add([without], [sentence]);
      this.gain.add([without - within[i]!], [sentence]);
    });
  }

  result(): MeasuredQuantity {
    const { metric, draws, inference } = this;
    const row = meanRow(this.gain);
    const warnings = row.value === null ? ['the gain over LSTM-LM is not finite'] : [];
    return {
      metric,
      variant: GAIN_OVER.lstmLm,
      estimator: inference,
      ...row,
      draws,
      facts: shareOf(this.gain, this.languageModel, 'nllOfLstmLm'),
      warnings,
    };
  }
}

/** What a gain is taken off, and the gain's share of it; nothing where they are not finite. */
function shareOf(gain: SentenceMean, without: SentenceMean, name: string): Record<string, number> {
  const nll = without.result().value;
  const share = gain.result().value / nll;
  return Number.isFinite(nll) && Number.isFinite(share) ? { [name]: nll, share } : {};
}

/** `z` with every sentence's codes in the place of another's, draw by draw; `[draws, sentences, latentSize]`. */
function codesOfOthers(
  z: Float32Array,
  { seed, sentences }: SentenceKeys,
  draws: number,
  latentSize: number,
): Float32Array {
  const others = new Float32Array(z.length);
  for (let m = 0; m < draws; m++) {
    const stream = new RandomStream({ seed, purpose: 'other-sentence', batch: sentences[0]!, step: m });
    stream.cycle(sentences.length).forEach((from, to) => {
      const at = (m * sentences.length + from) * latentSize;
      others.set(z.subarray(at, at + latentSize), (m * sentences.length + to) * latentSize);
    });
  }
  return others;
}

/** Positions in the sentence, from 1, that have a column of their own in metrics.csv. */
const POSITIONS = 20;

export const gain = defineMetric({
  name: 'gain',
  label: 'Gain',
  description: 'what the decoder gains from the code, in -log p(x | z)',
  unit: 'nats',
  direction: 'higher',
  // That over LSTM-LM comes with these where LSTM-LM is known.
  wanted: ({ evaluation }) =>
    [GAIN_OVER.prior, GAIN_OVER.otherSentence].map((variant) => ({
      estimator: null,
      variant,
      draws: evaluation.inferenceChains,
      settings: {},
    })),
  measure({ draws, languageModelNll }) {
    const nll = languageModelNll();
    return [
      new GainOverPrior(draws),
      new GainOverOtherSentence(draws),
      ...(nll === null ? [] : [new GainOverLanguageModel(draws, nll)]),
    ];
  },
  // Of the code's own draws, of the prior's, and of another sentence's.
  passes: ({ draws }) => 3 * draws,
  validation: {
    when: 'always',
    columns: () => ['validationGainOverPrior', 'validationGainOverOtherSentence', 'validationGainOverLstmLm'],
    parts: () => Array.from({ length: POSITIONS }, (_, t) => `gainPosition[${t + 1}]`),
    values(rows) {
      const over = (what: string) => rows.find(({ variant }) => variant === what);
      const positions = over(GAIN_OVER.prior)?.series?.position ?? [];
      return {
        validationGainOverPrior: over(GAIN_OVER.prior)?.value,
        validationGainOverOtherSentence: over(GAIN_OVER.otherSentence)?.value,
        validationGainOverLstmLm: over(GAIN_OVER.lstmLm)?.value,
        ...Object.fromEntries(positions.slice(0, POSITIONS).map((nats, t) => [`gainPosition[${t + 1}]`, nats])),
      };
    },
  },
});
