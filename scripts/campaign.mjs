// Does anything get lost, or mixed up, or end as no command should? Commands are killed at a call of the file system or at any
// moment, their disks fill up and break, and what they read is nonsense; after each, the exit is 0, 1 with a reason, 2 with a
// place or the signal's, no stack is printed, and a run that goes on ends with the bits of one that was left alone.
//
//   npm run campaign -- [--minutes 60] [--seed N] [--kinds kill,signal,fault,config,...] [--count N] [--keep]
//
// The seed is printed: with it, and a count in place of minutes, a campaign is made again. An input that fails is kept.

import { parseArgs } from 'node:util';
import { KINDS, runCampaign } from './campaign/campaign.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string' },
    kinds: { type: 'string', default: KINDS.join(',') },
    count: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const kinds = values.kinds.split(',');
const stranger = kinds.find((kind) => !KINDS.includes(kind));
const number = (text) => (text === undefined ? undefined : Number(text));
const wrong = [values.minutes, values.seed, values.count].some((text) => text !== undefined && !(Number(text) >= 0));
if (stranger !== undefined || wrong) {
  process.stderr.write(
    `usage: npm run campaign -- [--minutes 60] [--seed N] [--count N] [--kinds ${KINDS.join(',')}]\n`,
  );
  process.exitCode = 2;
} else {
  const { failures } = await runCampaign({
    kinds,
    minutes: Number(values.minutes),
    seed: number(values.seed) ?? Math.floor(Math.random() * 2 ** 32),
    count: number(values.count),
    keep: values.keep,
    log: (line) => process.stdout.write(`${line}\n`),
  });
  process.exitCode = failures.length === 0 ? 0 : 1;
}
