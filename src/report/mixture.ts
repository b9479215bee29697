// What stands in a table side by side and should not without a word: numbers of several texts, a run that is there twice, runs
// that several backends computed, and one beside that which it began with, as that is no more.

import { isByMode } from '../evaluation/classification/accuracy.js';
import { findMetric } from '../evaluation/registry.js';
import { type MeasuredRun, ofVariant, rowsOfSelected } from '../runs/measured-run.js';
import { isReplaced, startName } from '../runs/weights.js';
import { methodLabel, tableEstimator, tableRow } from './table.js';

/**
 * Whether two folders hold one run: a copy, or a link. A seed makes weights of its own, so that runs whose files of weights are
 * the same are one whatever their configurations say of their seeds. Where no sums are known, name and seed must do.
 */
export function isSameRun(one: MeasuredRun, other: MeasuredRun): boolean {
  if (one.manifest.dataHash !== other.manifest.dataHash) return false;
  const isNamed = one.run.name === other.run.name;
  const isSeeded = one.run.seed === other.run.seed;
  const [sums, others] = [one, other].map(({ manifest }) => Object.values(manifest.weights));
  if (sums!.length === 0 && others!.length === 0) return isNamed && isSeeded;
  // One training may stand in a table by several names, of which each is measured in another way.
  return (isNamed || !isSeeded) && sums!.some((sum) => others!.includes(sum));
}

/** The runs without those that stand there a second time. */
export function distinctRuns(runs: readonly MeasuredRun[]): MeasuredRun[] {
  return runs.filter((measured, i) => !runs.slice(0, i).some((earlier) => isSameRun(earlier, measured)));
}

/**
 * A sentence for each thing that a reader of tables of these runs should know; none where all is of one kind.
 * @param split that the tables are of.
 */
export function mixtureNotices(runs: readonly MeasuredRun[], split: string): string[] {
  return [
    ...corpora(runs),
    ...subsets(runs, split),
    ...settings(runs, split),
    ...copies(runs),
    ...backends(runs),
    ...starts(runs),
  ];
}

function corpora(runs: readonly MeasuredRun[]): string[] {
  const hashes = [...new Set(runs.map(({ manifest }) => manifest.dataHash))];
  if (hashes.length < 2) return [];
  const of = hashes.map((hash) => {
    const those = runs.filter(({ manifest }) => manifest.dataHash === hash);
    return `${hash.slice(0, 8)} (${those.map(({ directory }) => directory).join(', ')})`;
  });
  return [
    `Runs on ${hashes.length} different corpora stand here: ${of.join('; ')}. Their vocabularies or sentences differ, so ` +
      'their numbers do not compare.',
  ];
}

/** Of each metric, over which numbers of sentences it stands side by side: each number is one subset of the split. */
function subsets(runs: readonly MeasuredRun[], split: string): string[] {
  const metrics = new Set(runs.flatMap(({ rows }) => rows.map(({ metric }) => metric)));
  return [...metrics].flatMap((metric) => {
    const measured = runs.flatMap((one) => {
      const row = tableRow(one, metric, split, tableEstimator(one.run));
      return row === null ? [] : [{ label: methodLabel(one), sentences: row.sentences + (row.facts?.skipped ?? 0) }];
    });
    const sizes = [...new Set(measured.map(({ sentences }) => sentences))].sort((a, b) => a - b);
    if (sizes.length < 2) return [];
    const of = sizes.map((size) => {
      const labels = new Set(measured.filter(({ sentences }) => sentences === size).map(({ label }) => label));
      return `${size} (${[...labels].join(', ')})`;
    });
    return [
      `${findMetric(metric)?.label ?? metric} stands on different sentences of ${split}: ${of.join('; ')}. Only numbers ` +
        'of the same sentences compare closely.',
    ];
  });
}

/** Of each estimator of perplexity and each classifier that stands side by side, the settings that differ. */
function settings(runs: readonly MeasuredRun[], split: string): string[] {
  const measured = runs.flatMap((one) => {
    const label = methodLabel(one);
    const ppl = tableRow(one, 'ppl', split, tableEstimator(one.run));
    const variants = new Set(rowsOfSelected(one, 'accuracy', split).map(({ variant }) => variant));
    const accuracies = [...variants].map((variant) => tableRow(ofVariant(one, variant), 'accuracy', split)!);
    return [
      ...(ppl === null ? [] : [{ label, what: `PPL by ${ppl.estimator}`, settings: ppl.settings }]),
      ...accuracies.map((row) => {
        // Of how many labelled sets and items it is, the table says.
        const { sets, limit, ...settings } = row.settings;
        return { label, what: `Accuracy by ${row.estimator}${isByMode(row) ? ' on modes' : ''}`, settings };
      }),
    ];
  });
  return [...new Set(measured.map(({ what }) => what))].flatMap((what) => {
    const those = measured.filter((one) => one.what === what);
    const names = [...new Set(those.flatMap(({ settings }) => Object.keys(settings)))];
    return names.flatMap((name) => {
      const values = [...new Set(those.map(({ settings }) => settings[name] ?? null))];
      if (values.length < 2) return [];
      const of = values.map((value) => {
        const labels = those.filter(({ settings }) => (settings[name] ?? null) === value).map(({ label }) => label);
        return `${value ?? 'none'} (${[...new Set(labels)].join(', ')})`;
      });
      return [`${what} stands with different ${name}: ${of.join('; ')}.`];
    });
  });
}

function copies(runs: readonly MeasuredRun[]): string[] {
  const kept = distinctRuns(runs);
  return runs
    .filter((measured) => !kept.includes(measured))
    .map((measured) => {
      const original = kept.find((other) => isSameRun(other, measured))!;
      const { seed } = measured.run;
      const but = seed === original.run.seed ? '' : `, though its config.json says seed ${seed}`;
      return `${measured.directory} is ${original.directory} once more, a copy or a link, and counts as no further seed${but}.`;
    });
}

function backends(runs: readonly MeasuredRun[]): string[] {
  return runs.flatMap(({ directory, manifest }) =>
    manifest.backends.length < 2
      ? []
      : [
          `${directory} was trained on ${manifest.backends.join(' and then on ')}: no single backend gives its bits again.`,
        ],
  );
}

/** Of runs that began with another's weights: those whose other stands here with weights that are none of these. */
function starts(runs: readonly MeasuredRun[]): string[] {
  return runs.flatMap(({ directory, manifest: { startedFrom, dataHash } }) =>
    Object.entries(startedFrom).flatMap(([part, start]) => {
      const { run, epoch } = start;
      const named = runs.filter((one) => one.manifest.dataHash === dataHash && startName(one.run) === run);
      const sums = named.flatMap(({ manifest }) => Object.values(manifest.weights));
      if (!isReplaced(start, sums)) return [];
      return [
        `${directory} began with the ${part} of ${run}, after epoch ${epoch}, and ${named[0]!.directory} has other weights now: the ` +
          'difference of the two is not what the one adds to the other.',
      ];
    }),
  );
}
