// Types of setup.mjs, for the tests.

import type { Log } from '../download.mjs';
import type { WheelSource } from '../wheels/python-index.mjs';

export interface SetupOptions {
  root: string;
  cache: string;
  gpu: boolean;
  tensorflow: string;
  anyWorking: boolean;
  source: WheelSource;
  glibc: string;
  npm: string[];
  compiler: string;
  dryRun: boolean;
}

export function setUpTensorFlow(options: SetupOptions, log: Log): Promise<void>;
export function removeTensorFlow(folders: { root: string; cache: string }, log: Log): Promise<void>;
