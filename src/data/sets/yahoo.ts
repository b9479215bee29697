// Yahoo answers as Yang et al. (2017) sampled them and He et al. (2019), "Lagging Inference Networks", distribute them, in one
// archive with other sets. No checksum was published: the first fetch is taken on trust and recorded.

import { defineDataSet, driveFile, drivePage, rawNames } from '../define-data-set.js';

// From prepare_data.py of github.com/jxhe/vae-lagging-encoder.
const drive = '1yH3Ufj20R06OX1prPMPS6E3fKSG_2MqN';

export const yahoo = defineDataSet({
  name: 'yahoo',
  title: 'Yahoo answers, Yang et al. 2017 and He et al. 2019: 100,000 / 10,000 / 10,000 documents',
  files: rawNames('yahoo'),
  folders: ['yahoo', 'yahoo_data'],
  format: { unknownToken: '_UNK', labelColumn: 'none' },
  published: { train: 100_000, valid: 10_000, test: 10_000 },
  page: drivePage(drive),
  sources: [{ archive: driveFile(drive) }],
});
