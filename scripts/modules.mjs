// Where the packages that sri depends on lie: in its own node_modules in a clone, beside it or above it where npm has
// installed it for someone else.

import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/**
 * The node_modules folder that holds a package.
 * @param {string} name without a scope.
 * @returns {string | null} null where it is not installed.
 */
export function modulesOf(name) {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)));
  } catch {
    return null;
  }
}
