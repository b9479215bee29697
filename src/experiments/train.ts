// Training a run: its corpus, the machine, the weights that it starts from and the judge of its epochs, brought together.

import { type RunConfig, STARTING_PARTS } from '../config/schema.js';
import { closeSplits, type PreparedCorpus } from '../data/corpus.js';
import { loadCorpus } from '../data/corpus-files.js';
import { InputError } from '../errors.js';
import { can } from '../methods/capability.js';
import { methodNamed } from '../methods/registry.js';
import { type Manifest, RunFolder } from '../runs/run-folder.js';
import { isReplaced, type StartingWeights, startName } from '../runs/weights.js';
import { hasLearned, type TrainingEvent, train } from '../training/train.js';
import type { ChosenRun } from './choose-run.js';
import { createValidator } from './evaluation.js';
import { idlePeak } from './idle-peak.js';
import { checkMemory, checkPrecision, provenance, startMachine } from './machine.js';
import type { Following } from './progress.js';
import { startingPath } from './starts.js';

/**
 * Trains a run to its end, from where it last stopped.
 * @param runs the folder of all runs, where those that this starts from are.
 * @param following its `restart` says whether training begins anew where there is a run already.
 * @throws {InputError} when the corpus is not prepared, the folder holds another run, or the backend does not work here.
 * @throws {InterruptedError} after saving, when the signal asks to stop.
 */
export async function trainRun(
  run: RunConfig,
  folder: RunFolder,
  runs: string,
  { signal, onProgress, restart }: Following<TrainingEvent> & { restart?: boolean | undefined } = {},
): Promise<Manifest> {
  const corpus = await loadCorpus(run.data.directory);
  try {
    checkMemory(run, corpus.vocabulary.size);
    checkPrepared(run, corpus);
    const backend = await startMachine(run, run.precision);
    if (backend.caveat !== null) onProgress?.({ kind: 'warning', text: backend.caveat });
    checkPrecision(run);
    const { name, threads } = backend;
    const begun = !restart && hasLearned(folder);
    if (begun) for (const text of replacedStarts(run, folder, runs)) onProgress?.({ kind: 'warning', text });
    return await train({
      run,
      method: methodNamed(run.method),
      restart,
      startFrom: begun ? [] : startingWeights(run, runs, corpus.hash),
      corpus,
      folder,
      validator: createValidator(run, corpus, folder, (text) => onProgress?.({ kind: 'warning', text })),
      provenance: provenance(backend),
      // f16 is a way to store, and its products those of f32.
      peakFlops: (await idlePeak(name, threads, run.precision)) ?? (await idlePeak(name, threads, 'f32')),
      signal,
      report: onProgress,
    });
  } finally {
    closeSplits(corpus.splits);
  }
}

/** A run that is to be trained, and where. */
interface Trainee {
  run: RunConfig;
  folder: RunFolder;
}

/**
 * A run after those that must be trained before it.
 * @param runs the folder of all runs.
 * @param restart whether it begins anew where it has begun already.
 */
export function inTrainingOrder(
  { run, folder, sibling }: ChosenRun,
  runs: string,
  { restart = false }: { restart?: boolean | undefined } = {},
): Trainee[] {
  const starts = !restart && hasLearned(folder) ? [] : unfinishedStarts(run, runs, sibling);
  return [...starts.map((start) => ({ run: start, folder: RunFolder.of(runs, start) })), { run, folder }];
}

/**
 * The runs that must be finished before one can start, and are not, in the order to train them in: those whose weights it
 * begins with, and theirs.
 * @param resolve the run of another method of the same config and seed.
 * @param runs the folder of all runs.
 * @param wanting the names of those that are to start from it.
 * @throws {InputError} where runs start from each other in a circle, or from an encoder that there is none of.
 */
function unfinishedStarts(
  run: RunConfig,
  runs: string,
  resolve: (method: string) => RunConfig,
  wanting: readonly string[] = [],
): RunConfig[] {
  const path = startingPath(wanting, run.name);
  const unfinished = STARTING_PARTS.flatMap((part) => {
    const method = run.startFrom?.[part] ?? null;
    if (method === null) return [];
    const source = resolve(method);
    // Said before that is trained in vain.
    if (part === 'encoder' && !can(methodNamed(source.method).inference, 'code')) {
      throw new InputError(
        `startFrom.encoder of ${run.name}: ${source.name} has no latent code, so no encoder; name another, or null`,
      );
    }
    const itsFolder = RunFolder.of(runs, source);
    if ((itsFolder.manifest()?.finished ?? null) !== null) return [];
    // One that has begun has what it starts from.
    const theirs = hasLearned(itsFolder) ? [] : unfinishedStarts(source, runs, resolve, path);
    return [...theirs, source];
  });
  return unfinished.filter(({ name }, i) => unfinished.findIndex((other) => other.name === name) === i);
}

/**
 * The weights that a run starts from: parts of other methods' runs of the same data set and seed.
 * @throws {InputError} where such a run is not finished, or learned from another corpus.
 */
function startingWeights(run: RunConfig, runs: string, dataHash: string): StartingWeights[] {
  return STARTING_PARTS.flatMap((part) => {
    const method = run.startFrom?.[part] ?? null;
    if (method === null) return [];
    const source = RunFolder.of(runs, { dataSet: run.dataSet, name: method, seed: run.seed });
    const manifest = source.manifest();
    const wish = `${run.name} starts from the ${part} of ${method}, and ${source.directory}`;
    const training = `sri train --method ${method} --seed ${run.seed}`;
    if (manifest === null || manifest.finished === null) {
      throw new InputError(`${wish} holds no finished run of it; train that first: ${training}`);
    }
    if (manifest.dataHash !== dataHash) {
      throw new InputError(
        `${wish} learned from another corpus than ${run.data.directory} is now; ` +
          `train it anew (${training}), or prepare the corpus as it was`,
      );
    }
    const { select } = source.config().training;
    const known = manifest.weights[select];
    const name = startName({ name: method, seed: run.seed });
    return [{ part, file: source.weights(select), run: name, sha256: known }];
  });
}

/** Of a run that has begun: where one that it began with has other weights by now, which it will not learn of. */
function replacedStarts(run: RunConfig, folder: RunFolder, runs: string): string[] {
  const started = folder.manifest()?.startedFrom ?? {};
  return STARTING_PARTS.flatMap((part) => {
    const method = run.startFrom?.[part] ?? null;
    const start = started[part];
    if (method === null || start === undefined) return [];
    const source = RunFolder.of(runs, { dataSet: run.dataSet, name: method, seed: run.seed });
    const { weights = {}, selectedEpoch } = source.manifest() ?? {};
    if (!isReplaced(start, Object.values(weights))) return [];
    return [
      `${run.name} began with the ${part} of ${start.run}, after epoch ${start.epoch}, and ${source.directory} has other weights ` +
        `now, of epoch ${selectedEpoch}; sri train --restart begins with these`,
    ];
  });
}

/**
 * Checks that a corpus was prepared as a run's configuration says.
 * @throws {InputError} naming each key that differs.
 */
export function checkPrepared({ data }: Pick<RunConfig, 'data'>, { directory, settings }: PreparedCorpus): void {
  const { directory: _, ...rest } = data;
  // What a preparation need not say is as it is by default.
  const defaults = { tokenizer: 'whitespace', header: false } as const;
  const asked = { ...defaults, ...rest };
  const prepared = { ...defaults, ...settings };
  const differing = (Object.keys(asked) as (keyof typeof asked)[]).filter(
    // Whether there are labels is found out by `auto`, whatever the preparation was told.
    (key) => asked[key] !== prepared[key] && !(key === 'labelColumn' && asked[key] === 'auto'),
  );
  if (differing.length === 0) return;
  const said = differing.map(
    (key) => `data.${key}: ${JSON.stringify(prepared[key])} there, ${JSON.stringify(asked[key])} in the configuration`,
  );
  throw new InputError(
    `${directory} was prepared with other settings (${said.join('; ')}); prepare it with this configuration, or give the ` +
      'configuration those settings',
  );
}
