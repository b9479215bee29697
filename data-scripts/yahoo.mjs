// Yahoo answers as Yang et al. (2017) sampled them and He et al. (2019), "Lagging Inference Networks", distribute them, in one
// archive with other sets. No checksum was published: the first fetch is taken on trust and recorded.

import { driveFile, isMain, main } from './fetch.mjs';

// From prepare_data.py of github.com/jxhe/vae-lagging-encoder.
const drive = '1yH3Ufj20R06OX1prPMPS6E3fKSG_2MqN';

export const set = {
  name: 'yahoo',
  title: 'Yahoo answers, Yang et al. 2017 and He et al. 2019: 100,000 / 10,000 / 10,000 documents',
  page: `https://drive.google.com/file/d/${drive}/view`,
  files: { 'yahoo.train.txt': undefined, 'yahoo.valid.txt': undefined, 'yahoo.test.txt': undefined },
  folders: ['yahoo', 'yahoo_data'],
  sources: [{ archive: driveFile(drive) }],
};

if (isMain(import.meta.url)) await main(set);
