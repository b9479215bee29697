// Types of errors.mjs, for the tests.

export class SetupError extends Error {}
