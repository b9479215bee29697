// `npm run docs`: writes the reference and the JSON Schema of configs from the compiled program.

import { writeFileSync } from 'node:fs';
import { referenceFiles } from '../dist/cli/reference.js';

for (const [name, text] of Object.entries(await referenceFiles())) {
  writeFileSync(new URL(`../${name}`, import.meta.url), text);
  process.stderr.write(`written: ${name}\n`);
}
