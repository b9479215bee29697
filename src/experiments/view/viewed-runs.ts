// What there is to look at, read from the runs' folder again and again while others write it: cheap to ask whether something
// changed, and a run that cannot be read is told of and passed over.

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../../errors.js';
import type { RunInTraining } from '../../report/report-page.js';
import { latestNumbers } from '../../report/training-log.js';
import { findBegunRuns, findDataSets, type MeasuredRun, readRun } from '../../runs/measured-run.js';
import { RunFolder, UnknownPluginError } from '../../runs/run-folder.js';

/** Which runs are looked at. */
export interface ViewedFolders {
  /** Run folders; none for all under `root`. */
  folders: readonly string[];
  root: string;
}

export interface ViewedRuns {
  /** Runs of which an epoch is finished. */
  measured: MeasuredRun[];
  training: RunInTraining[];
  /** What is wrong with those that are left out. */
  notices: string[];
}

/** The runs that are begun. */
export function viewedFolders({ folders, root }: ViewedFolders): RunFolder[] {
  if (folders.length > 0) return folders.map((folder) => new RunFolder(folder));
  return findDataSets(root).flatMap((dataSet) => findBegunRuns(root, dataSet));
}

/** What a run's folder writes when there is something new to see; the time of a folder tells of every file in it. */
const WATCHED = ['manifest.json', 'metrics.csv', 'rows', 'artifacts'];

/** A text that differs where anything does that is looked at. */
export async function stateOf(viewed: ViewedFolders): Promise<string> {
  const states: string[] = [];
  for (const folder of viewedFolders(viewed)) {
    const { directory } = folder;
    const files = await Promise.all(WATCHED.map((name) => timeOf(path.join(directory, name))));
    // A process that was killed leaves its lock, so that whether there is one does not say that it trains.
    states.push([directory, folder.isBeingTrained(), ...files].join(' '));
  }
  return states.join('\n');
}

async function timeOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size } = await stat(file);
    return `${mtimeMs}:${size}`;
  } catch {
    return '';
  }
}

/** Reads everything that is looked at. */
export function readViewed(viewed: ViewedFolders): ViewedRuns {
  const found: ViewedRuns = { measured: [], training: [], notices: [] };
  for (const folder of viewedFolders(viewed)) {
    try {
      const manifest = folder.manifest();
      if (folder.isBeingTrained()) {
        const latest = latestNumbers(folder.metricsText());
        found.training.push({ run: folder.config(), finished: manifest?.epochs ?? 0, latest });
      }
      if (manifest !== null) found.measured.push(readRun(folder));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      found.notices.push(error instanceof UnknownPluginError ? error.leftOut : error.message);
    }
  }
  return found;
}
