// Short Yelp reviews with the sentiment as label, 0 or 1, as Li et al. (2019) sampled them from Shen et al. (2017).
// They published no checksum: the first fetch is taken on trust and recorded.

import { driveFile, isMain, main } from './fetch.mjs';

// From prepare_data.py of github.com/bohanli/vae-pretraining-encoder.
const drive = '18h8UYr801qr-USCYRzZySi_DSbUkHW71';

export const set = {
  name: 'yelp',
  title: 'Yelp, short sentences, sampled by Li et al. 2019: 100,000 / 10,000 / 10,000, labels 0 and 1',
  page: `https://drive.google.com/file/d/${drive}/view`,
  files: { 'short_yelp.train.txt': undefined, 'short_yelp.valid.txt': undefined, 'short_yelp.test.txt': undefined },
  folders: ['yelp', 'short_yelp_data'],
  sources: [{ archive: driveFile(drive) }],
};

if (isMain(import.meta.url)) await main(set);
