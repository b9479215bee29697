// The numbers the paper prints, to stand beside ours. Source: Pang, Nijkamp, Han and Wu, "Generative Text Modeling
// through Short Run Inference", EACL 2021, Table 1 (test sets; Recon and KL in nats a sentence).

import type { MethodName } from '../config/schema.js';

/** One line of Table 1; null where the paper prints a dash. */
export interface PaperRow {
  ppl: number;
  recon: number | null;
  au: number | null;
  kl: number | null;
}

/** How the tables write a method; the paper calls SRI "Ours". */
export const METHOD_LABELS: Readonly<Record<MethodName, string>> = {
  'lstm-lm': 'LSTM-LM',
  ae: 'AE',
  'anneal-vae': 'Anneal-VAE',
  'cyclical-vae': 'Cyclical-VAE',
  'lagging-vae': 'Lagging-VAE',
  'sa-vae': 'SA-VAE',
  'fbp-vae': 'FBP-VAE',
  'fb-vae': 'FB-VAE',
  sri: 'SRI',
};

function row(ppl: number, recon: number | null, au: number | null, kl: number | null): PaperRow {
  return { ppl, recon, au, kl };
}

/** Table 1 by data set and method. */
export const PAPER_TABLE_1: Readonly<Record<string, { readonly [name in MethodName]?: PaperRow }>> = {
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
