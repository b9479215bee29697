// Types of addon.mjs, for the tests.

export function stageTensorFlow(wheel: string, packageFolder: string): Promise<void>;
export function stageCuda(wheel: string, packageFolder: string): Promise<void>;
