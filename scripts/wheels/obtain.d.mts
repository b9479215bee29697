// Types of obtain.mjs.

import type { Log } from '../download.mjs';
import type { Wheel, WheelSource } from './python-index.mjs';

export interface Obtaining {
  source: WheelSource;
  cache: string;
}

export function announce(wheel: Wheel, options: Obtaining, log: Log): Promise<void>;
export function obtain(wheel: Wheel, options: Obtaining, log: Log): Promise<string>;
