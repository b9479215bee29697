// `sri train`: one method on one prepared corpus, from where it last stopped.

import type { Command } from 'commander';
import type { RunConfig } from '../config/schema.js';
import { counted, formatNumber, formatSeconds, withError } from '../notation.js';
import { describeEnding } from '../runs/ending.js';
import type { Metrics } from '../runs/metrics.js';
import type { RunFolder } from '../runs/run-folder.js';
import type { TrainingEvent } from '../training/train.js';
import type { Io } from './io.js';
import { addMachineOptions, addRunOptions, chooseRun, type MachineOptions, type RunOptions } from './options.js';
import type { Moment, Progress } from './progress.js';

export function addTrain(program: Command, io: Io): void {
  const command = program
    .command('train')
    .description(
      'train a method, and before it what it starts from, on a prepared corpus; a run that was stopped goes on by itself',
    )
    .usage('[--config ptb.yaml] [--method sri] [options]');
  addMachineOptions(addRunOptions(command))
    .option('--restart', 'begin anew where the run was trained already; its weights and checkpoints are lost')
    .addHelpText(
      'after',
      `
Examples:
  sri train --config ptb.yaml
  sri train --config ptb.yaml --method lstm-lm
  sri train --config ptb.yaml --method sri --setting algorithm-1 --seed 1
  sri train --config ptb.yaml --method sri --set training.epochs=5 --run runs/trial
  sri train --config runs/ptb/sri/seed-0/config.json --runs again`,
    )
    .action(async (options: RunOptions & MachineOptions & { restart?: boolean | undefined }) => {
      const chosen = await chooseRun(options);
      const { createProgress } = await import('./progress.js');
      const progress = createProgress(io, options.json ?? false);
      try {
        const { inTrainingOrder, trainRun } = await import('../experiments/train.js');
        const { runs } = options;
        const trainees = inTrainingOrder(chosen, runs, options);
        if (trainees.length > 1) {
          const names = trainees.slice(0, -1).map(({ run }) => run.name);
          const line = `${chosen.run.name} starts from the weights of ${names.at(-1)}; first trained: ${names.join(', then ')}`;
          progress.say(line, { event: 'starts', name: chosen.run.name, runs: names });
        }
        for (const { run, folder } of trainees) {
          const tell = new TrainingTeller(run, folder, progress);
          const restart = folder === chosen.folder && options.restart;
          await trainRun(run, folder, runs, { signal: io.stop, onProgress: (event) => tell.report(event), restart });
        }
      } finally {
        progress.end();
      }
    });
}

/** Turns what training reports into what a person, or a program, reads. */
export class TrainingTeller {
  private epochs = 0;
  private metrics: Metrics | null = null;
  /** What the progress line last said. */
  private last: Moment | null = null;

  constructor(
    private readonly run: Pick<RunConfig, 'dataSet' | 'name' | 'seed'>,
    private readonly folder: Pick<RunFolder, 'directory'>,
    private readonly progress: Progress,
  ) {}

  report(event: TrainingEvent): void {
    const { dataSet, name, seed } = this.run;
    const { progress } = this;
    switch (event.kind) {
      case 'start': {
        this.epochs = event.epochs;
        const from = event.over
          ? 'is trained to its end already; --restart begins anew'
          : event.resumed
            ? `goes on in epoch ${event.epoch} of ${event.epochs}`
            : `starts, ${counted(event.epochs, 'epoch')} at most`;
        const parameters = counted(event.parameters, 'parameter');
        const line = `${name} on ${dataSet}, seed ${seed}: ${from}; ${parameters}, in ${this.folder.directory}`;
        progress.say([line, ...mixture(event.backends)].join('\n'), {
          event: 'start',
          dataSet,
          name,
          seed,
          folder: this.folder.directory,
          ...without(event),
        });
        break;
      }
      case 'warning':
        progress.say(`warning: ${event.text}`, { event: 'warning', name, text: event.text });
        break;
      case 'iteration':
        this.last = this.moment(event);
        progress.update(this.last);
        break;
      case 'interval':
        this.metrics = event.metrics;
        break;
      case 'epoch':
        progress.say(epochLine(name, this.epochs, event), {
          event: 'epoch',
          name,
          ...without(event),
        });
        break;
      case 'end': {
        const { trainingSeconds, bestEpoch, verdict } = event.manifest;
        const line = `${name}: ${describeEnding(event.ending)}; ${formatSeconds(trainingSeconds)} of training, best after epoch ${bestEpoch}`;
        const lines = verdict === null ? [line] : [line, `${name}: ${verdict.collapse}: ${verdict.reason}`];
        progress.say(lines.join('\n'), { event: 'end', name, ...without(event) });
        break;
      }
      case 'validating':
        // Estimating log p(x) may take a minute, in which the line would seem to hang.
        if (this.last !== null) progress.update({ ...this.last, label: `${name} epoch ${event.epoch}, validating` });
        break;
      case 'checkpoint':
        break;
    }
  }

  private moment({ at, iterations, update, secondsLeft }: TrainingEvent & { kind: 'iteration' }): Moment {
    const { metrics } = this;
    // Before the first interval is over, the batch's own loss is all there is.
    const quantities: Record<string, number> = { loss: metrics?.loss ?? update.loss };
    if (metrics !== null) quantities['sentences/s'] = metrics.sentencesPerSecond;
    if (metrics?.shareOfPeak != null) quantities['% of peak'] = Math.round(100 * metrics.shareOfPeak);
    const label = `${this.run.name} epoch ${at.epoch}/${this.epochs}`;
    return { label, done: at.iteration + 1, total: iterations, quantities, secondsLeft };
  }
}

/** What is to be known of a run that several backends have trained. */
function mixture(backends: readonly string[]): string[] {
  if (backends.length < 2) return [];
  const [last, ...others] = backends.toReversed();
  return [
    `warning: trained on ${others.reverse().join(', ')} before, and on ${last} now: no single backend gives its bits again`,
  ];
}

/** An epoch in a line of what matters; metrics.csv has the rest. */
function epochLine(
  name: string,
  epochs: number,
  { metrics, improved, secondsLeft }: TrainingEvent & { kind: 'epoch' },
): string {
  const { epoch, lossPerWord, validationLoss, quantities } = metrics;
  // A checkpoint of a version that did not sum over the epoch may leave nothing to tell, and a method may lack a quantity.
  const number = (value: number | null | undefined) =>
    value == null || !Number.isFinite(value) ? null : formatNumber(value);
  const named = (label: string, column: string, unit = '') => {
    const value = quantities[column];
    if (value == null || !Number.isFinite(value)) return [];
    return [`${label} ${withError(value, quantities[`${column}Error`])}${unit}`];
  };
  const facts = [
    `loss ${number(lossPerWord) ?? '-'} training, ${number(validationLoss) ?? '-'} validation, nats a word${improved ? ' (best so far)' : ''}`,
    ...named('PPL', 'validationPpl'),
    ...named('KL', 'validationKl', ' nats'),
    ...named('AU', 'validationActiveUnits'),
    ...(secondsLeft === null ? [] : [`${formatSeconds(secondsLeft)} left`]),
  ];
  return `${name} epoch ${epoch}/${epochs}: ${facts.join('; ')}`;
}

function without<T extends { kind: string }>({ kind: _, ...rest }: T): Omit<T, 'kind'> {
  return rest;
}
