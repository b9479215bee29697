// Whether two paths are of one place.

import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** A path without links, as far as it is there. */
export function wholePath(file: string): string {
  const whole = path.resolve(file);
  if (existsSync(whole)) return realpathSync(whole);
  return whole === path.dirname(whole) ? whole : path.join(wholePath(path.dirname(whole)), path.basename(whole));
}
