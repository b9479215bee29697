// Fetches the raw text of SNLI, which src/data/sets/snli.ts describes.

import { runScript } from './fetch.mjs';

await runScript('snli');
