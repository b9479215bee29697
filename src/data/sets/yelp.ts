// Short Yelp reviews with the sentiment as label, 0 or 1, as Li et al. (2019) sampled them from Shen et al. (2017).
// They published no checksum: the first fetch is taken on trust and recorded.

import { defineDataSet, driveFile, drivePage, rawNames } from '../define-data-set.js';

// From prepare_data.py of github.com/bohanli/vae-pretraining-encoder.
const drive = '18h8UYr801qr-USCYRzZySi_DSbUkHW71';

export const yelp = defineDataSet({
  name: 'yelp',
  title: 'Yelp, short sentences, sampled by Li et al. 2019: 100,000 / 10,000 / 10,000, labels 0 and 1',
  files: rawNames('short_yelp'),
  folders: ['yelp', 'short_yelp_data'],
  format: { labelColumn: 'required' },
  published: { train: 100_000, valid: 10_000, test: 10_000 },
  page: drivePage(drive),
  sources: [{ archive: driveFile(drive) }],
});
