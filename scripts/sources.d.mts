/** SHA-256 of the C++ sources that lie in a folder, one after the other. */
export function sumOfSources(folder: string): string;
