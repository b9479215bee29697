// `sri transfer`: sentences moved along an attribute of the corpus's labels, from a file or a pipe to a file or a pipe.

import type { Command } from 'commander';
import type { Share, Transfer } from '../experiments/transfer.js';
import { counted, percentWithError } from '../notation.js';
import { shownText } from '../runs/shown-text.js';
import { addDecodingOptions, type DecodingOptions, decodingOf, showTexts } from './decoding.js';
import { addSampleSeedOption } from './encode.js';
import { type Io, note, printJson } from './io.js';
import { numberThat, wholeNumber } from './options.js';
import { type Chosen, onTrainedRun, type TrainedRunOptions } from './trained-run.js';

interface TransferOptions extends TrainedRunOptions, DecodingOptions {
  to: string;
  from?: string | undefined;
  strength: number;
  labels: number;
  judged: number;
  sampleSeed?: number | undefined;
}

const EXAMPLES = `
What is written is judged by a support vector machine on codes, as in Table 5; how sure that one is, is told beside.

Examples:
  sri transfer negative.txt --run runs/yelp/sri/seed-0 --to 1 --from 0
  echo "the food was bad ." | sri transfer --to 1 --strength 1.5 --json`;

export function addTransfer(program: Command, io: Io): void {
  const command = program
    .command('transfer')
    .description(
      "write sentences as ones of another label: their codes moved by the difference of the labels' mean codes",
    )
    .usage('[file] --to LABEL [--from LABEL] [--run DIR] [options]')
    .argument('[file]', 'a sentence a line; standard input unless given')
    .requiredOption('--to <label>', 'the label to move to')
    .option('--from <label>', 'the label to move from; all others together unless given')
    .option(
      '--strength <number>',
      'times the difference of means',
      numberThat((value) => value > 0 && value <= 1000, 'a number above 0, 1000 at most'),
      1,
    )
    .option('--labels <number>', 'labelled training sentences that are learned from', wholeNumber(2), 1000)
    .option('--judged <number>', 'test sentences by which the judge is judged, at most', wholeNumber(1), 500);
  onTrainedRun(addSampleSeedOption(addDecodingOptions(command)), io, {
    examples: EXAMPLES,
    needsCode: true,
    settle: ({ run, options }: Chosen<TransferOptions>) => {
      decodingOf(options, run.seed);
      return run;
    },
    work: async (opened, options: TransferOptions, following, [file]) => {
      const [{ linesOf, readInput }, { transfer }] = await Promise.all([
        import('./input.js'),
        import('../experiments/transfer.js'),
      ]);
      const input = await readInput(file, io);
      const { to, from, strength, labels, judged, maxLength } = options;
      const decoding = decodingOf(options, options.sampleSeed ?? opened.run.seed);
      const given = { lines: linesOf(input), source: input.source };
      return transfer(opened, { ...given, to, from, strength, labels, judged, decoding, maxLength }, following);
    },
    show: async (result, { folder, options }) => {
      await showTexts(
        {
          event: 'transferred',
          result,
          text: result.items.map(shownText),
          columns: {
            Sentence: ({ sentence }) => sentence,
            Given: ({ given }) => given,
            'Judged before': ({ classBefore }) => classBefore,
            'Judged after': ({ classAfter }) => classAfter ?? '',
          },
        },
        { ...options, folder },
        io,
      );
      const { items, before, after, judge } = result;
      if (options.json)
        printJson(io, { event: 'transfer', to: options.to, sentences: items.length, before, after, judge });
      else note(io, judgement(result, options.to));
    },
  });
}

function judgement({ items, before, after, judge }: Transfer, to: string): string {
  const share = ({ value, standardError }: Share) => percentWithError(value, standardError);
  const sure =
    judge === null ? '' : `; the judge knows ${share(judge)} of ${counted(judge.sentences, 'test sentence')}`;
  return `judged ${to}: ${share(after)} of ${items.length} as written, ${share(before)} as given${sure}`;
}
