// The kernels' WGSL: one file an operation in native/webgpu, put together with what it uses and with the sizes that it is
// compiled for.

import { readFileSync } from 'node:fs';

/** Sizes and switches that a shader is compiled for: whole numbers are u32, truth values bool. */
export type Constants = Readonly<Record<string, number | boolean>>;

const DIRECTORY = new URL('../../../native/webgpu/', import.meta.url);

/** The files that a file names after `// uses`. */
const USES = /^\/\/ uses (.+)$/m;

/**
 * The whole text of `name`.wgsl: the constants, the files it uses, each once and before its users, and itself.
 * @param beside further files, which stand for something that the file leaves open.
 */
export function shaderCode(name: string, constants: Constants, beside: readonly string[] = []): string {
  const texts = new Map<string, string>();
  const add = (file: string) => {
    if (texts.has(file)) return;
    const text = readFileSync(new URL(file, DIRECTORY), 'utf8');
    for (const used of USES.exec(text)?.[1]?.split(' ') ?? []) add(used);
    texts.set(file, text);
  };
  for (const file of beside) add(`${file}.wgsl`);
  add(`${name}.wgsl`);
  const declarations = Object.entries(constants).map(
    ([constant, value]) => `const ${constant} = ${typeof value === 'number' ? `${value}u` : value};\n`,
  );
  return [...declarations, ...texts.values()].join('\n');
}
