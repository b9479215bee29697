// What earlier versions called differently: the names that users may still type.

/** Settings of today by a name that they once had. */
export const RENAMED_SETTINGS: Readonly<Record<string, string>> = { paper: 'algorithm-1' };
