// What the options of `sri reproduce` hold.

import type { MachineOptions } from '../options.js';
import type { TableOptions } from '../report.js';

export interface ReproduceOptions extends MachineOptions, TableOptions {
  config?: string;
  set: string[];
  figures?: number[];
  methods?: string;
  seeds?: number[];
  from?: string;
  ais?: boolean;
  dryRun?: boolean;
}
