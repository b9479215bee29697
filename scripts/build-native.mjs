// Builds the C++ addon into build/native/sri_native.node. Seconds when it is up to date. Says what is missing and exits
// with 1 where it cannot be built.
//
//   npm run build:native -- [--machine NAME]
//
// NAME is a processor as the compiler's -march names it, such as znver3: for the bits that it computes, on one that can do more.

import { argumentsOf } from './arguments.mjs';
import { buildAddon } from './native/build.mjs';

const { machine } = argumentsOf(import.meta.url, { machine: { type: 'string', default: 'native' } });
process.stdout.write(`${buildAddon('native', [`-DSRI_MACHINE=${machine}`])} is up to date\n`);
