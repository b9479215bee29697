// SNLI's sentences, down-sampled by Li et al. (2019), "A Surprisingly Effective Fix for Deep Latent Variable Modeling of
// Text". They published no checksum: the first fetch is taken on trust and recorded.

import { driveFile, isMain, main } from './fetch.mjs';

// From prepare_data.py of github.com/bohanli/vae-pretraining-encoder.
const drive = '11NHEPxV7OrqmODozxQGezSU8093iUlUx';

export const set = {
  name: 'snli',
  title: 'SNLI, sampled by Li et al. 2019: 100,000 / 10,000 / 10,000 sentences',
  page: `https://drive.google.com/file/d/${drive}/view`,
  files: { 'snli.train.txt': undefined, 'snli.valid.txt': undefined, 'snli.test.txt': undefined },
  folders: ['snli', 'snli_data'],
  sources: [{ archive: driveFile(drive) }],
};

if (isMain(import.meta.url)) await main(set);
