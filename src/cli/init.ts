// `sri init`: a config for a text of one's own, and the corpus prepared by it.

import type { Command } from 'commander';
import { InputError } from '../errors.js';
import { counted, formatSeconds } from '../notation.js';
import { type Io, note, print, printJson } from './io.js';
import { addMachineOptions, type MachineOptions, numberThat, overridesOf } from './options.js';
import { showPreparation } from './prepare.js';

interface InitOptions extends MachineOptions {
  valid?: string | undefined;
  test?: string | undefined;
  name?: string | undefined;
  distinct?: boolean | undefined;
  hours: number;
}

export function addInit(program: Command, io: Io): void {
  const command = program
    .command('init')
    .description('look at a text of your own, write a commented config that suits it and this machine, and prepare it')
    .usage('reviews.txt [--valid FILE --test FILE] [options]')
    .argument(
      '<file>',
      'a text, one item a line, label<TAB>text or text<TAB>label where it has labels, or a CSV; divided 80/10/10 unless --valid and --test are given',
    )
    .option('--valid <file>', 'the text that epochs are judged by; a tenth of <file> unless given')
    .option('--test <file>', 'the text that is measured on; a tenth of <file> unless given')
    .option('--distinct', 'divide the distinct sentences of <file>, so that no copy of one is in another split')
    .option('--name <name>', "of the data set, its config and its folder; the file's own unless given")
    .option(
      '--hours <number>',
      'the most that training and measuring LSTM-LM and SRI should take',
      numberThat((value) => value > 0, 'a number above 0'),
      3,
    );
  addMachineOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  sri init reviews.txt
  sri init yelp.csv --hours 0.5
  sri init train.txt --valid valid.txt --test test.txt --name reviews --hours 12`,
    )
    .action(async (text: string, options: InitOptions) => {
      const { valid, test, distinct = false, name, hours, json } = options;
      if ((valid === undefined) !== (test === undefined)) {
        throw new InputError(`--valid and --test go together; give ${valid === undefined ? '--valid' : '--test'} FILE`);
      }
      if (distinct && valid !== undefined) {
        throw new InputError('--distinct goes with one text, which is divided here; leave out --valid and --test');
      }
      const { initialize } = await import('../experiments/init.js');
      const { config, taken, report, seconds } = await initialize({
        text,
        name,
        hours,
        distinct,
        overrides: overridesOf({ ...options, set: [] }),
        signal: io.stop,
        ...(valid !== undefined && test !== undefined ? { heldOut: { valid, test } } : {}),
      });
      showPreparation(report, io, json);
      const { describeColumns } = await import('../data/columns.js');
      const columns =
        taken === null ? null : `${text}: ${describeColumns(taken.columns)}; written to ${taken.files.join(', ')}`;
      const { busyCores, busyNotice } = await import('../experiments/reproduce/busy-cores.js');
      const busy = seconds === null ? 0 : await busyCores();
      const next = [`sri train --config ${config}`, `sri eval --config ${config}`];
      if (json) {
        printJson(io, { event: 'initialized', config, taken, seconds, busyCores: busy, next });
        return;
      }
      if (columns !== null) print(io, columns);
      if (taken !== null && taken.withoutText > 0) {
        note(io, `warning: ${counted(taken.withoutText, 'row')} of ${text} without a text left out`);
      }
      print(io, `config written to ${config}`);
      if (seconds !== null && seconds > 3600 * hours) {
        note(io, `warning: the smallest model takes about ${formatSeconds(seconds)} here; give less text, or --hours`);
      }
      const time =
        seconds === null
          ? ''
          : `   # LSTM-LM, then SRI from its weights; about ${formatSeconds(seconds)} with the next`;
      print(io, `next: ${next[0]}${time}`);
      print(io, `      ${next[1]}`);
      const notice = busyNotice(busy);
      if (notice !== null) note(io, notice);
    });
}
