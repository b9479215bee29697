// How much faster a study is with two tasks at a time: eight small runs with one thread each, `--jobs 1` and `--jobs 2` in turn,
// from the same prepared text. To be run on a machine with two idle cores or more.
//
//   node bench/jobs.js [--rounds 1] [--epochs 40]

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentsOf, COUNT } from '../scripts/arguments.mjs';
import { median } from './median.js';

const values = argumentsOf(import.meta.url, {
  rounds: { type: 'string', default: '1', form: COUNT },
  epochs: { type: 'string', default: '40', form: COUNT },
});
const SRI = fileURLToPath(new URL('../bin/sri.js', import.meta.url));
const root = mkdtempSync(path.join(tmpdir(), 'sri-bench-jobs-'));
const say = (line) => process.stdout.write(`${line}\n`);

function sri(...args) {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [SRI, ...args], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`sri ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return (performance.now() - began) / 1000;
}

try {
  writeFileSync(
    path.join(root, 'small.yaml'),
    `
dataSet: small
data: { vocabularySize: 2000, maxLength: 30, labelColumn: none }
model: { latentSize: 8, wordVectorSize: 64, hiddenSize: 64 }
optimizer: { name: adam, learningRate: 0.001 }
training: { batchSize: 32, epochs: ${values.epochs} }
methods: { lstm-lm: {} }
`,
  );
  // Words with Zipf's frequencies, by a generator of our own so that every machine has the same text.
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  for (const [split, count] of Object.entries({ train: 3000, valid: 100, test: 100 })) {
    const lines = Array.from({ length: count }, () =>
      Array.from({ length: 8 + Math.floor(16 * uniform()) }, () => `w${Math.floor(2000 ** uniform())}`).join(' '),
    );
    writeFileSync(path.join(root, `small.${split}.txt`), `${lines.join('\n')}\n`);
  }
  sri('prepare', '--config', 'small.yaml', '--from', '.');
  const ratios = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    const seconds = [1, 2].map((jobs) => {
      const place = ['--runs', `runs-${round}-${jobs}`, '--results', `results-${round}-${jobs}`];
      // `--threads` is of all tasks together, so that each has one.
      const machine = ['--jobs', String(jobs), '--threads', String(jobs)];
      return sri(
        'reproduce',
        '--config',
        'small.yaml',
        '--methods',
        'lstm-lm',
        '--seeds',
        '0..7',
        ...place,
        ...machine,
      );
    });
    ratios.push(seconds[1] / seconds[0]);
    const [one, two] = seconds.map((value) => value.toFixed(1));
    say(
      `round ${round}: --jobs 1 ${one} s, --jobs 2 ${two} s, ratio ${ratios.at(-1).toFixed(3)}, load ${loadavg()[0].toFixed(1)}`,
    );
  }
  say(`median ratio ${median(ratios).toFixed(3)}; at most 0.6 is wanted`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
