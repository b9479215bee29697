// The processor, as the operating system describes it.

import { readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';

/** The processor's name as the operating system tells it. */
export function processorModel(): string {
  return cpus()[0]?.model.trim() || arch();
}

/** Instruction sets that matter to matrix products, from the oldest, as Linux spells them; without the underscore for a reader. */
const INSTRUCTION_SETS = ['avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'asimd', 'sve', 'sve2'];

/** Those of {@link INSTRUCTION_SETS} that the processor has; none where the system does not tell, as outside Linux. */
export function processorInstructionSets(): string[] {
  let description: string;
  try {
    description = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return [];
  }
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(description)?.[1] ?? '';
  const has = new Set(line.trim().split(/\s+/));
  return INSTRUCTION_SETS.filter((name) => has.has(name)).map((name) => name.replace('_', ''));
}
