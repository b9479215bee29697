// Fetches the raw text of Yahoo Answers, which src/data/sets/yahoo.ts describes.

import { runScript } from './fetch.mjs';

await runScript('yahoo');
