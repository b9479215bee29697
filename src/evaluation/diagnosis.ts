// Posterior collapse, made visible: what an epoch's numbers say of whether the decoder uses the code. Bowman et al. 2016
// saw it in the KL, Burda et al. 2016 in active units, He et al. 2019 in the mutual information; what the decoder gains
// is the question itself.

import { InputError } from '../errors.js';
import { can } from '../methods/capability.js';
import type { Inference } from '../methods/method.js';
import { percent } from '../notation.js';
import type { ResultRow } from '../runs/row.js';
import type { Verdict } from '../runs/run-folder.js';
import type { MetricDefinition } from './define-metric.js';
import { isMeasurable } from './evaluate.js';
import { GAIN_OVER } from './latent-gain.js';
import { metrics } from './registry.js';

/** What is less than this share of a sentence's NLL without it is next to nothing. */
const NEGLIGIBLE_SHARE = 0.01;

/**
 * Chains whose ends have a larger root mean square have left N(0, I) for good. It is 1 for codes of that prior, and where
 * short runs work, even as their temperature rises, below 2; of the prior a single coordinate beyond 5 is one in a million.
 * A learned prior may lie further out itself: then it is so many times the root mean square of its own draws.
 */
export const DIVERGED_RMS = 5;

/** What is asked of an epoch. */
export interface Question {
  /** Metrics that decide which epoch is the best. */
  judgedBy?: readonly string[];
  /** Metrics that are looked at besides; null for all that say something of every epoch. */
  chosen?: readonly string[] | null;
}

/**
 * What epochs are looked at by: of what a model has, what is asked for.
 * @throws {InputError} where something is chosen that says nothing of epochs.
 */
export function diagnosisMetrics(inference: Inference, question: Question = {}): MetricDefinition[] {
  return asked(question).filter((metric) => isMeasurable(metric, inference));
}

/** The columns of a diagnosis in metrics.csv: the same for every model with a code, whether it has the quantity or not. */
export function diagnosisColumns(inference: Inference, latentSize: number, question: Question = {}): string[] {
  // A language model is told of by its perplexity alone.
  const shown = asked(question).flatMap(({ validation }) =>
    validation === null || (!can(inference, 'code') && validation.when === 'always') ? [] : [validation],
  );
  return [
    ...shown.flatMap(({ columns }) => columns(inference)),
    ...shown.flatMap(({ parts }) => parts?.(latentSize) ?? []),
  ];
}

/** The metrics that a question asks for, in the registry's order. */
function asked({ judgedBy = [], chosen = null }: Question): MetricDefinition[] {
  const telling = metrics().filter(({ validation }) => validation !== null);
  const names = telling.map(({ name }) => name);
  const other = chosen?.find((name) => !names.includes(name));
  if (other !== undefined) {
    throw new InputError(
      `training.validation.metrics: ${other} is no metric that epochs can be measured by; there are ${names.join(', ')}`,
    );
  }
  return telling.filter(
    ({ name, validation }) =>
      judgedBy.includes(name) || (chosen === null ? validation?.when === 'always' : chosen.includes(name)),
  );
}

/** What was measured, under those columns; what was not is left out. */
export function diagnose(rows: readonly ResultRow[]): Record<string, number> {
  const named = metrics().flatMap(({ name, validation }) => {
    const own = rows.filter(({ metric }) => metric === name);
    return validation === null ? [] : Object.entries(validation.values(own));
  });
  return Object.fromEntries(named.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

/**
 * The verdict, on what cannot be fooled: the mutual information of sentence and code, and what the decoder gains from the
 * code over that of another sentence and over LSTM-LM, as far as each is known. The gain over codes of the prior is none of
 * it, since a code that no sentence has is poor for any decoder that heeds its code. It is
 *
 * - diverged, where the codes are not finite, or those of short runs are far outside the prior's range;
 * - collapsed, where the code says next to nothing of its sentence (mutual information), the decoder says next to nothing
 *   else with another sentence's, or no dimension is active;
 * - partly collapsed, where with the code the decoder does next to no better than LSTM-LM without one, or fewer than half of
 *   the dimensions are active;
 * - active else.
 *
 * @param rows of an evaluation of the {@link diagnosisMetrics}.
 * @returns null for a model without a code, and where none of the three is known; of a single sentence nothing is, since a code is
 *   of use as far as it tells sentences apart.
 */
export function verdictOf(rows: readonly ResultRow[], latentSize: number): Verdict | null {
  const [recon, units] = [find(rows, 'recon'), find(rows, 'au')];
  if (recon === undefined || units === undefined) return null;
  const { latentRms: rms = 0, priorRms } = units.facts ?? {};
  const inRange = Math.max(1, priorRms ?? 1);
  // Of a single sentence active units are not known, though all is finite.
  const alone = recon.sentences < 2;
  if (recon.value === null || (units.value === null && !alone)) {
    return { collapse: 'diverged', reason: 'inference gives codes, or a likelihood of them, that are not finite' };
  }
  if (rms > DIVERGED_RMS * inRange) {
    const prior = priorRms === undefined ? 'N(0, I), whose own is 1' : `the prior, whose own is ${priorRms.toFixed(1)}`;
    const reason = `the codes of short runs have a root mean square of ${rms.toFixed(1)}, far outside the range of ${prior}`;
    return { collapse: 'diverged', reason };
  }
  if (alone || units.value === null) return null;

  const part = (value: number | null | undefined): { nats: number; share: number; text: string } | null => {
    if (value == null) return null;
    const share = value / (recon.value! + value);
    return { nats: value, share, text: `${Math.abs(value).toFixed(2)} nats (${percent(Math.abs(share))})` };
  };
  const information = part(find(rows, 'mi')?.value);
  const other = part(find(rows, 'gain', GAIN_OVER.otherSentence)?.value);
  const lstmLm = part(find(rows, 'gain', GAIN_OVER.lstmLm)?.value);
  if (information === null && other === null && lstmLm === null) return null;

  const says = information && `z holds ${information.nats.toFixed(2)} nats of mutual information with its sentence`;
  const side = ({ nats }: { nats: number }) => (nats < 0 ? 'above' : 'below');
  const overOther = other && `with z the NLL is ${other.text} ${side(other)} that with another sentence's`;
  const overLstmLm = lstmLm && `with z the NLL is ${lstmLm.text} ${side(lstmLm)} LSTM-LM's`;
  const { weak = latentSize - units.value, noisy = 0 } = units.facts ?? {};
  const why = [weak > 0 ? `${weak} too weak` : null, noisy > 0 ? `${noisy} with more noise than signal` : null].filter(
    (fact) => fact !== null,
  );
  const active = `${units.value} of ${latentSize} dimensions are active${why.length === 0 ? '' : ` (${why.join(', ')})`}`;
  const negligible = (known: typeof other) => known !== null && known.share < NEGLIGIBLE_SHARE;
  const verdict = (collapse: Verdict['collapse'], because: readonly (string | null)[]): Verdict => {
    const rest = [says, overOther, overLstmLm, active].filter((fact) => !because.includes(fact));
    const told = (facts: readonly (string | null)[]) => facts.filter((fact) => fact !== null).join(', ');
    return { collapse, reason: [told(because), told(rest)].filter((text) => text !== '').join('; ') };
  };

  const nothing = [
    negligible(information) ? says : null,
    negligible(other) ? overOther : null,
    units.value === 0 ? active : null,
  ];
  if (nothing.some((fact) => fact !== null)) return verdict('collapsed', nothing);
  const little = [negligible(lstmLm) ? overLstmLm : null, units.value < latentSize / 2 ? active : null];
  if (little.some((fact) => fact !== null)) return verdict('partly collapsed', little);
  return verdict('active', [says, overOther, overLstmLm]);
}

function find(rows: readonly ResultRow[], metric: string, variant?: string): ResultRow | undefined {
  return rows.find((row) => row.metric === metric && (variant === undefined || row.variant === variant));
}
