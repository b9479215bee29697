// `sri setup`: what a backend needs beside the program, made where the program is installed. In a clone `npm run setup` does
// the same, and compiles the program too.

import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import type { Io } from './io.js';

/** The backends that something is to be made for, each with its script in scripts/. */
const SCRIPTS = { native: 'setup.mjs', tensorflow: 'setup-tensorflow.mjs', webgpu: 'setup-webgpu.mjs' } as const;
type SetUp = keyof typeof SCRIPTS;

export function addSetup(program: Command, _: Io): void {
  program
    .command('setup')
    .description(
      'build what a backend needs beside the program: the C++ addon of the native backend, unless another is named',
    )
    .usage('[--for native|tensorflow|webgpu] [-- options]')
    .addOption(new Option('--for <backend>', 'which backend').choices(Object.keys(SCRIPTS)).default('native'))
    .argument('[options...]', "further options of the backend's own set-up, after --; `-- --help` lists them")
    .addHelpText('after', '\nExamples:\n  npx sri setup\n  sri setup --for tensorflow -- --gpu')
    .action(async (options: string[], { for: backend }: { for: SetUp }) => {
      const script = fileURLToPath(new URL(`../../scripts/${SCRIPTS[backend]}`, import.meta.url));
      const code = await run(script, options);
      if (code !== 0) throw new Error(`the ${backend} backend is not set up: see above`);
    });
}

/** @returns the exit code of a script that has the terminal while it runs. */
async function run(script: string, options: readonly string[]): Promise<number> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...options], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
