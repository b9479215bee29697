import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const addon = existsSync(new URL('build/native/sri_native.node', import.meta.url));
if (!addon) process.stderr.write('\nThe native addon is not built: the tests in test/native DO NOT RUN.\n\n');

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: addon ? [] : ['test/native/**'],
    // Two cores: files that use threads of their own must not be timed against each other.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
