// Fetches the raw text of Yelp, which src/data/sets/yelp.ts describes.

import { runScript } from './fetch.mjs';

await runScript('yelp');
