// What the paper's tables and its figure show of a run: the requests that reproduce them, and what the commands do unless told.

/** Of the points of a pair both ends are. */
export const TABLE_2 = { pairs: 3, points: 5 } as const;

/** Samples of the prior. */
export const TABLE_3 = { count: 10 } as const;

/** Swaps of two words, and noisy copies of each sentence. */
export const TABLE_4 = { swaps: [1, 2, 3, 4], noiseDraws: 3, split: 'test' } as const;

/** Numbers of labels, 0 for clusters, and labelled sets of each other number. */
export const TABLE_5 = { labels: [0, 100, 1000, 10000], draws: 5, split: 'test' } as const;

/** Sentences whose codes are drawn. */
export const FIGURE_1 = { sentences: 1000, split: 'test' } as const;
