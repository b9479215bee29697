// SNLI's sentences, down-sampled by Li et al. (2019), "A Surprisingly Effective Fix for Deep Latent Variable Modeling of
// Text". They published no checksum: the first fetch is taken on trust and recorded.

import { defineDataSet, driveFile, drivePage, rawNames } from '../define-data-set.js';

// From prepare_data.py of github.com/bohanli/vae-pretraining-encoder.
const drive = '11NHEPxV7OrqmODozxQGezSU8093iUlUx';

export const snli = defineDataSet({
  name: 'snli',
  title: 'SNLI, sampled by Li et al. 2019: 100,000 / 10,000 / 10,000 sentences',
  files: rawNames('snli'),
  folders: ['snli', 'snli_data'],
  format: { labelColumn: 'none' },
  published: { train: 100_000, valid: 10_000, test: 10_000 },
  page: drivePage(drive),
  sources: [{ archive: driveFile(drive) }],
});
