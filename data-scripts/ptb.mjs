// Fetches the raw text of the Penn Treebank, which src/data/sets/ptb.ts describes.

import { runScript } from './fetch.mjs';

await runScript('ptb');
