// The two ways a command ends early without being a defect of ours.
// The command line turns them into exit codes; nothing else does.

/**
 * Wrong use or wrong input: the message names the file, the line and the key where they are known,
 * and says what would be right. The command line prints it without a stack and exits with 2.
 */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The user, or the machine, asked to stop, and what was done is saved. The command line exits with 128 and the signal's number. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
