import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: files that use threads of their own must not be timed against each other.
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
