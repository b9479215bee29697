// `sri compare` and `sri export`: runs beside each other, and one to hand on.

import { type Command, Option } from 'commander';
import { SPLIT_NAMES } from '../data/splits.js';
import { InputError } from '../errors.js';
import { withError } from '../notation.js';
import { shellWord } from '../shell-words.js';
import { type Io, note, print, printJson } from './io.js';
import { printTable } from './print-table.js';

export function addCompare(program: Command, io: Io): void {
  program
    .command('compare')
    .description('set what was measured of runs side by side, each against the first over the same sentences')
    .argument('<runs...>', 'run folders, two or more')
    .addOption(new Option('--split <name>', 'split that they were measured on').choices(SPLIT_NAMES).default('test'))
    .option('--columns', 'all columns, also where they are wider than the terminal, or 100 in a pipe')
    .option('--json', 'one JSON object a number')
    .addHelpText('after', '\nExamples:\n  sri compare runs/ptb/lstm-lm/seed-0 runs/ptb/sri/seed-0 runs/ptb/sri/seed-1')
    .action(
      async (
        folders: string[],
        { split, columns, json }: { split: string; columns?: boolean | undefined; json?: boolean | undefined },
      ) => {
        if (folders.length < 2) {
          throw new InputError(`sri compare takes two run folders or more: sri compare ${folders[0]} OTHER-FOLDER`);
        }
        const [{ compareRuns }, { readRun }, { runAt }] = await Promise.all([
          import('../experiments/compare.js'),
          import('../runs/measured-run.js'),
          import('../experiments/default-run.js'),
        ]);
        const runs = folders.map((folder) => readRun(runAt(folder)));
        const compared = compareRuns(runs, split);
        for (const { directory } of runs.filter((one) => !compared.some(({ run }) => run === one))) {
          const measuring = `sri eval --run ${shellWord(directory)}${split === 'test' ? '' : ` --split ${split}`}`;
          note(io, `${directory}: nothing was measured of it on the ${split} split yet: ${measuring}`);
        }
        if (json) {
          for (const { run, row, difference, ofFirst, ...what } of compared) {
            const { value, standardError, estimator, sentences } = row;
            const own = { value, standardError, estimator, sentences, ofFirst };
            printJson(io, { event: 'compared', ...what, folder: run.directory, split, ...own, difference });
          }
          return;
        }
        const rows = compared.map(({ metric, variant, run, row, difference, ofFirst }, i) => {
          const name = variant === undefined ? metric : `${metric} ${variant}`;
          const again = i > 0 && compared[i - 1]!.metric === metric && compared[i - 1]!.variant === variant;
          return [
            again ? '' : name,
            `${run.run.name} seed ${run.run.seed}`,
            withError(row.value, row.standardError),
            difference === null ? '-' : withError(difference.value, difference.standardError),
            difference === null ? '-' : inCommon(difference.count, row.sentences, ofFirst!),
            row.estimator,
          ].map((text) => ({ text }));
        });
        printTable(
          io,
          {
            columns: ['quantity', 'run', 'value', 'less the first', 'sentences', 'by'],
            rows,
            notes: [
              'less the first: the paired difference, nats a sentence (ppl: of -log p(x)), with its standard error',
            ],
            left: [1, 5],
          },
          columns,
        );
      },
    );
}

/** `8`, or `8 of 8 and 40` where the two rows are of different sentences. */
function inCommon(count: number, own: number, first: number): string {
  return count === own && count === first ? String(count) : `${count} of ${own} and ${first}`;
}

export function addExport(program: Command, io: Io): void {
  program
    .command('export')
    .description('copy a trained run for others: weights, configuration, vocabulary, what was measured, and a card')
    .argument('<run>', 'run folder')
    .requiredOption('--out <folder>', 'where to, a new folder; every command takes it by --run')
    .addHelpText('after', '\nExamples:\n  sri export runs/ptb/sri/seed-0 --out sri-ptb')
    .action(async (run: string, { out }: { out: string }) => {
      const [{ exportRun }, { runAt }] = await Promise.all([
        import('../experiments/export.js'),
        import('../experiments/default-run.js'),
      ]);
      const files = await exportRun(runAt(run), out);
      print(io, `written to ${out}: ${files.join(', ')}`);
    });
}
