// Posterior collapse, made visible: what an epoch's numbers say of whether the decoder uses the code. Bowman et al. 2016
// saw it in the KL, Burda et al. 2016 in active units, He et al. 2019 in the mutual information; what the decoder gains
// is the question itself.

import type { ResultRow } from '../runs/row.js';
import type { Verdict } from '../runs/run-folder.js';

/** Positions in the sentence, from 1, that have a column of their own. */
const POSITIONS = 20;

/** A decoder that gains less of its NLL than this from the code does without it. */
const NEGLIGIBLE_SHARE = 0.01;

/** The columns of a diagnosis in metrics.csv. */
export function diagnosisColumns(latentSize: number): string[] {
  return [
    'validationRecon',
    'validationKl',
    'validationActiveUnits',
    'validationMutualInformation',
    'validationGain',
    'validationGainShare',
    ...Array.from({ length: latentSize }, (_, d) => `klDimension[${d}]`),
    ...Array.from({ length: POSITIONS }, (_, t) => `gainPosition[${t + 1}]`),
  ];
}

/** The metrics that a diagnosis is made of; a code that is a point has neither KL nor mutual information. */
export const DIAGNOSIS_METRICS = ['recon', 'kl', 'au', 'mi', 'gain'] as const;

/** Those numbers under their columns; what was not measured is left out. */
export function diagnose(rows: readonly ResultRow[]): Record<string, number> {
  const row = (metric: ResultRow['metric']) => rows.find((candidate) => candidate.metric === metric);
  const [kl, gain] = [row('kl'), row('gain')];
  const named: [string, number | null | undefined][] = [
    ['validationRecon', row('recon')?.value],
    ['validationKl', kl?.value],
    ['validationActiveUnits', row('au')?.value],
    ['validationMutualInformation', row('mi')?.value],
    ['validationGain', gain?.value],
    ['validationGainShare', gain?.facts?.share],
    ...(kl?.series?.dimension ?? []).map((value, d): [string, number | null] => [`klDimension[${d}]`, value]),
    ...(gain?.series?.position ?? [])
      .slice(0, POSITIONS)
      .map((value, t): [string, number | null] => [`gainPosition[${t + 1}]`, value]),
  ];
  return Object.fromEntries(named.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

/**
 * The verdict. Collapsed: the decoder gains next to nothing from the code, or no dimension is active. Partly collapsed:
 * fewer than half of the dimensions are. Null where the gain or the active units are not known.
 */
export function verdictOf(diagnosis: Readonly<Record<string, number>>, latentSize: number): Verdict | null {
  const { validationGain: gain, validationGainShare: share, validationActiveUnits: active } = diagnosis;
  if (gain === undefined || share === undefined || active === undefined) return null;
  const used = `z takes ${gain.toFixed(2)} nats off a sentence's NLL, ${(100 * share).toFixed(1)} % of it`;
  const units = `${active} of ${latentSize} dimensions are active`;
  if (share < NEGLIGIBLE_SHARE) return { collapse: 'collapsed', reason: `${used}, and ${units}` };
  // A code that has left the prior gains over its draws even where it says the same of every sentence.
  if (active === 0)
    return { collapse: 'collapsed', reason: `${used}, but it is the same for every sentence: ${units}` };
  if (active < latentSize / 2) return { collapse: 'partly collapsed', reason: `${used}, but only ${units}` };
  return { collapse: 'active', reason: `${used}, and ${units}` };
}
