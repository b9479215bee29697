// The one kind of failure of a set-up from wheels that is told to the user and not a defect of it.

/** A reason to stop, with what would help; printed without a stack. */
export class SetupError extends Error {
  name = 'SetupError';
}
