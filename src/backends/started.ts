// What is known of a backend once it is started.

/** A backend that was started. */
export interface StartedBackend {
  /** The libraries that compute, each with its version. */
  version: string;
  /** What they compute on: the processor's model, or GPUs. */
  devices: readonly string[];
  /** Instruction sets that the libraries may use, from the oldest; none where they are the business of JavaScript's compiler. */
  instructionSets: readonly string[];
  /** Threads that compute. */
  threads: number;
  /** What is to be known of how it was built; absent where nothing is. */
  notice?: string;
  /** True of a GPU that is emulated on the processor, which is good for tests alone. */
  emulated?: boolean;
  /** What a GPU allows, in lines for people. */
  limits?: readonly string[];
}

/** A started backend in a line, for people and manifests. */
export function describeBackend({ version, devices, instructionSets }: StartedBackend): string {
  const sets = instructionSets.length === 0 ? '' : `, ${instructionSets.join(' ')}`;
  return `${version}, on ${devices.join(', ')}${sets}`;
}
