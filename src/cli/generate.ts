// `sri generate`: sentences from nothing but the model, as in Table 3: codes drawn from the prior, and decoded.

import type { Command } from 'commander';
import { TABLE_3 } from '../experiments/published.js';
import { shownText } from '../runs/shown-text.js';
import { addDecodingOptions, type DecodingOptions, decodingOf, showTexts } from './decoding.js';
import { addSampleSeedOption } from './encode.js';
import type { Io } from './io.js';
import { wholeNumber } from './options.js';
import { type Chosen, onTrainedRun, type TrainedRunOptions } from './trained-run.js';

interface GenerateOptions extends TrainedRunOptions, DecodingOptions {
  count: number;
  sampleSeed?: number | undefined;
}

const EXAMPLES = `
Examples:
  sri generate --config snli.yaml --method sri
  sri generate --config snli.yaml --method lstm-lm --decode sample --count 1000 --out samples.txt
  sri generate --run runs/snli/sri/seed-0 --decode beam --beam-width 10`;

export function addGenerate(program: Command, io: Io): void {
  const command = program
    .command('generate')
    .description('write sentences decoded from samples of the prior; greedy ones are kept for Table 3')
    .usage('[--config snli.yaml] [--method sri] | [--run DIR] [options]')
    .option('--count <number>', 'sentences', wholeNumber(1), TABLE_3.count);
  onTrainedRun(addSampleSeedOption(addDecodingOptions(command)), io, {
    examples: EXAMPLES,
    needsCode: ({ decode }) => (decode === 'sample' ? null : `sri generate --decode ${decode}`),
    settle: ({ run, options }: Chosen<GenerateOptions>) => {
      decodingOf(options, run.seed);
      return run;
    },
    work: async (opened, options: GenerateOptions, following) => {
      const { generateRun } = await import('../experiments/generate.js');
      const { count, maxLength, sampleSeed: seed = opened.run.seed } = options;
      return generateRun(opened, { count, seed, maxLength, decoding: decodingOf(options, seed) }, following);
    },
    show: (generations, { folder, options }) =>
      showTexts(
        {
          event: 'generation',
          result: generations,
          text: generations.items.map(shownText),
          lines: generations.items.map(({ text }) => text),
          columns: { Sample: ({ sample }) => sample },
        },
        { ...options, folder },
        io,
      ),
  });
}
