#!/usr/bin/env node
// The command. What it does is in src/cli/, compiled to dist/cli/.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(main)) {
  process.stderr.write(
    `sri is not built yet. In ${fileURLToPath(new URL('..', import.meta.url))} run \`npm run setup\` once.\n`,
  );
  process.exit(1);
}
const { main: run } = await import(main.href);
process.exitCode = await run(process.argv.slice(2));
