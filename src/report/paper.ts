// The numbers the paper prints, to stand beside ours. Source: Pang, Nijkamp, Han and Wu, "Generative Text Modeling
// through Short Run Inference", EACL 2021, Tables 1, 4 and 5 (test sets; Recon, KL and Table 4 in nats a sentence).

/** One line of Table 1, by method as configurations name it; null where the paper prints a dash. */
export interface PaperRow {
  ppl: number;
  recon: number | null;
  au: number | null;
  kl: number | null;
}

function row(ppl: number, recon: number | null, au: number | null, kl: number | null): PaperRow {
  return { ppl, recon, au, kl };
}

/** Table 1 by data set and method. */
export const PAPER_TABLE_1: Readonly<Record<string, Readonly<Record<string, PaperRow>>>> = {
  ptb: {
    'lstm-lm': row(100.47, null, null, null),
    'anneal-vae': row(101.4, 101.28, 0, 0),
    'cyclical-vae': row(108.97, 101.85, 5, 1.37),
    'lagging-vae': row(99.83, 100.26, 4, 0.93),
    'sa-vae': row(100.39, 100.97, 5, 1.86),
    'fbp-vae': row(99.62, 98.52, 3, 2.95),
    'fb-vae': row(96.35, 94.52, 32, 8.15),
    sri: row(94.26, 91.14, 32, 10.13),
  },
  snli: {
    'lstm-lm': row(21.44, null, null, null),
    'anneal-vae': row(21.5, 31.66, 2, 1.42),
    'cyclical-vae': row(21.62, 30.89, 4, 2.36),
    'lagging-vae': row(21.16, 31.53, 5, 1.42),
    'sa-vae': row(21.49, 30.12, 5, 2.34),
    'fbp-vae': row(21.46, 31.04, 3, 2.12),
    'fb-vae': row(22, 23.36, 32, 8.48),
    sri: row(21.21, 22.24, 32, 10.02),
  },
  yahoo: {
    'lstm-lm': row(60.75, null, null, null),
    'anneal-vae': row(61.52, 329.1, 0, 0),
    'cyclical-vae': row(66.93, 333.8, 0, 2.83),
    'lagging-vae': row(59.77, 322.7, 15, 5.7),
    'sa-vae': row(63.92, 327.27, 17, 7.23),
    'fbp-vae': row(62.88, 328.13, 2, 3.06),
    'fb-vae': row(59.51, 315.31, 32, 15.02),
    sri: row(57.05, 311.23, 32, 16.19),
  },
};

/** Table 4 by data set and method: noisy reconstruction after 1, 2, 3 and 4 word swaps. */
export const PAPER_TABLE_4: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  snli: {
    ae: [26.05, 40.46, 52.77, 63.07],
    'anneal-vae': [32.2, 32.65, 33.12, 33.39],
    'cyclical-vae': [31.83, 32.87, 33.73, 34.38],
    'lagging-vae': [31.78, 31.99, 32.21, 32.32],
    'sa-vae': [31.63, 31.82, 32.15, 32.46],
    'fbp-vae': [29.93, 32.59, 34.9, 36.77],
    'fb-vae': [27.92, 29.12, 30.03, 30.85],
    sri: [27.12, 28.66, 30.21, 30.46],
  },
};

/** Table 5 by data set and method: accuracy in percent with 0, 100, 1,000 and 10,000 labels. */
export const PAPER_TABLE_5: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  yelp: {
    ae: [53.1, 78.8, 83.7, 84.1],
    'anneal-vae': [56.3, 59.2, 62.3, 65.8],
    'cyclical-vae': [59.9, 78.6, 82.7, 83.2],
    'lagging-vae': [63.6, 65.8, 74.2, 80.5],
    'sa-vae': [62.6, 69.3, 78.8, 81.4],
    'fbp-vae': [60.9, 74.8, 76.9, 81.1],
    'fb-vae': [67.5, 84.9, 89.5, 90.6],
    sri: [73.3, 85.8, 89.6, 90.8],
  },
};
