// The parts of a corpus, by their names: to learn from, to judge epochs by, to measure on.

export const SPLIT_NAMES = ['train', 'valid', 'test'] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];
