// Types of setup.mjs, for the tests.

import type { Log } from '../download.mjs';
import type { Machine, WheelSource } from '../wheels/python-index.mjs';

export interface SetupOptions {
  root: string;
  cache: string;
  source: WheelSource;
  machine: Machine;
  compiler: string;
  softwareDriver: boolean;
  dryRun: boolean;
}

export function setUpWebgpu(options: SetupOptions, log: Log): Promise<void>;
export function removeWebgpu(folders: { root: string; cache: string }, log: Log): Promise<void>;
