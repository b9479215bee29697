import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const say = (text: string) => process.stderr.write(`\n${text}\n\n`);

const addon = existsSync(here('build/native/sri_native.node'));
if (!addon)
  say('The native addon is not built: the tests of the native backend DO NOT RUN, those in test/native among them.');

/** Why there is no GPU to test on; null where there is one. */
function whyNoGpu(): string | null {
  if (!existsSync(here('build/webgpu/sri_webgpu.node'))) return 'npm run setup:webgpu was not run';
  const { status, stderr } = spawnSync(process.execPath, [here('scripts/webgpu/check.mjs'), here('build/webgpu')], {
    encoding: 'utf8',
  });
  return status === 0 ? null : `no GPU is found: ${stderr}`;
}
const noGpu = whyNoGpu();
if (noGpu !== null) say(`The tests of the webgpu backend DO NOT RUN, those in test/webgpu among them: ${noGpu}`);

export default defineConfig({
  // What plugins import.
  resolve: {
    alias: [
      { find: /^sri$/, replacement: here('src/index.ts') },
      { find: /^sri\/parts$/, replacement: here('src/parts.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...(addon ? [] : ['test/native/**']), ...(noGpu === null ? [] : ['test/webgpu/**'])],
    // Two cores: files that use threads of their own must not be timed against each other.
    maxWorkers: 2,
    // `--coverage` tells at the end what share of the source ran; commands that tests start as processes do not count.
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
