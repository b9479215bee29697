// Does anything get lost, or mixed up, or end as no command should? Commands are killed at a call of the file system or at any
// moment, their disks fill up and break, and what they read is nonsense; after each, the exit is 0, 1 with a reason, 2 with a
// place or the signal's, no stack is printed, and a run that goes on ends with the bits of one that was left alone.
//
//   npm run campaign -- [--minutes 60] [--seed N] [--kinds kill,signal,fault,config,...] [--count N] [--keep]
//
// The seed is printed: with it, and a count in place of minutes, a campaign is made again. An input that fails is kept.

import { argumentsOf, someOf } from './arguments.mjs';
import { KINDS, runCampaign } from './campaign/campaign.mjs';

const NUMBER = { pattern: /^\d+(\.\d+)?$/, right: 'a number from 0' };
const WHOLE = { pattern: /^\d+$/, right: 'a whole number from 0' };
const { minutes, seed, kinds, count, keep } = argumentsOf(import.meta.url, {
  minutes: { type: 'string', default: '60', form: NUMBER },
  seed: { type: 'string', form: WHOLE },
  kinds: { type: 'string', default: KINDS.join(','), form: someOf(KINDS) },
  count: { type: 'string', form: WHOLE },
  keep: { type: 'boolean', default: false },
});
const { failures } = await runCampaign({
  kinds: kinds.split(','),
  minutes: Number(minutes),
  seed: seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(seed),
  count: count === undefined ? undefined : Number(count),
  keep,
  log: (line) => process.stdout.write(`${line}\n`),
});
process.exitCode = failures.length === 0 ? 0 : 1;
