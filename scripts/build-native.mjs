// Builds the C++ addon into build/native/sri_native.node. Seconds when it is up to date. Says what is missing and exits
// with 1 where it cannot be built.

import { buildAddon } from './native/build.mjs';

process.stdout.write(`${buildAddon('native')} is up to date\n`);
