// Types of build.mjs, for the tests.

export function forgetElsewhere(build: string, sources: string): void;
