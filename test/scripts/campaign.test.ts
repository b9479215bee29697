// A campaign in small: some of every kind, drawn by a seed that a failure prints.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const CAMPAIGN = fileURLToPath(new URL('../../scripts/campaign.mjs', import.meta.url));

/** A campaign's exit code, and what it said. */
async function campaign(...args: string[]): Promise<{ code: number; text: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [CAMPAIGN, ...args]);
    return { code: 0, text: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: `${stdout}${stderr}` };
  }
}

it('loses nothing and mixes nothing up', async () => {
  // Always the same cases, so that a change is to blame for what it finds; others are for who runs a campaign.
  const { code, text } = await campaign('--count', '40', '--seed', '20263');
  expect(code, text).toBe(0);
  const summary = text.split('\n').findLast((line) => line.startsWith('kill ')) ?? '';
  for (const kind of ['config', 'override', 'corpus', 'checkpoint', 'row', 'text', 'argument']) {
    expect(summary).toContain(`${kind} 40 (`);
  }
  expect(summary).toMatch(/kill \d+ \([^)]*SIGKILL: [1-9]/);
}, 300_000);

it('refuses a kind that it has not', async () => {
  expect(await campaign('--kinds', 'earthquake')).toMatchObject({
    code: 2,
    text: expect.stringContaining('--kinds: earthquake is not one of kill, '),
  });
});
