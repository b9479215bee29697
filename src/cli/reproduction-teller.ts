// What a reproduction reports, as a person or a program reads it. It is loaded once there is something to tell.

import { findMetric } from '../evaluation/registry.js';
import type { JobsEvent } from '../experiments/reproduce/jobs.js';
import { describeTask } from '../experiments/reproduce/plan.js';
import { describeLeftOut, type ReproductionEvent } from '../experiments/reproduce/reproduce.js';
import { counted, formatSeconds } from '../notation.js';
import { TABLE_WRITERS } from '../report/formats.js';
import type { Io } from './io.js';
import { showPreparation } from './prepare.js';
import type { Progress } from './progress.js';
import { type ShowOptions, showResults } from './report.js';
import { describeRow } from './rows.js';
import type { TaskBoard } from './task-board.js';
import { TrainingTeller } from './train.js';
import { showRunEvent } from './trained-run.js';

/** Turns what a reproduction reports into what a person, or a program, reads. */
export class ReproductionTeller {
  /** Of the run that the task in progress is of. */
  private name = '';
  private training: TrainingTeller | null = null;

  constructor(
    private readonly io: Io,
    private readonly progress: Progress,
    private readonly options: ShowOptions,
  ) {}

  tell(event: ReproductionEvent): void {
    const { io, progress, options } = this;
    switch (event.kind) {
      case 'left-out':
        progress.say(describeLeftOut(event), { event: 'left-out', product: event.product, reason: event.reason });
        break;
      case 'task': {
        const { task, number, of, folder } = event;
        progress.say(`task ${number} of ${of}: ${describeTask(task)}`, { event: 'task', id: task.id, number, of });
        if ('run' in task && folder !== null) {
          this.name = task.run.name;
          this.training = new TrainingTeller(task.run, folder, progress);
        }
        break;
      }
      case 'prepared':
        showPreparation(event.report, io, options.json);
        break;
      case 'row': {
        const { row, folder } = event;
        const lines = describeRow(row, findMetric(row.metric)?.unit, io.error);
        progress.say(lines.join('\n'), { event: 'row', folder: folder.directory, ...row });
        break;
      }
      case 'results':
        showResults(event.results, io, options, TABLE_WRITERS);
        break;
      case 'failed': {
        const { task, error } = event;
        const line = `${describeTask(task)} failed: ${error.message}; the rest goes on`;
        progress.say(line, { event: 'failed', task: task.id, message: error.message });
        break;
      }
      case 'over':
        // What is told next is of no run until a task says so.
        this.name = '';
        this.training = null;
        progress.end();
        break;
      case 'warning':
      case 'stage':
      case 'skipped-labels':
      case 'unknown-words':
        showRunEvent(event, this.name, progress);
        break;
      default:
        this.training?.report(event);
    }
  }
}

/** Tells of a reproduction whose tasks run side by side: what each one's own process tells goes to the board. */
export class TogetherTeller {
  private readonly others: ReproductionTeller;

  constructor(
    io: Io,
    private readonly board: TaskBoard,
    options: ShowOptions,
  ) {
    const progress: Progress = {
      update: (moment) => board.whole(moment),
      say: (line, fields) => board.say(line, fields),
      end: () => {},
    };
    this.others = new ReproductionTeller(io, progress, options);
  }

  tell(event: JobsEvent): void {
    const { board } = this;
    switch (event.kind) {
      case 'plan': {
        const { folder, jobs, threads } = event;
        const line = `plan in ${folder}: ${counted(jobs, 'task')} at a time, ${counted(threads, 'thread')} each; sri status tells how it stands`;
        board.say(line, { event: 'plan-folder', folder, jobs, threads });
        break;
      }
      case 'begun': {
        const { task, number, log } = event;
        board.say(`${number}: ${describeTask(task)}, log in ${log}`, {
          event: 'begun',
          task: number,
          id: task.id,
          log,
        });
        board.begin(number, describeTask(task));
        break;
      }
      case 'told':
        board.told(event.number, event.told);
        break;
      case 'ended': {
        const { task, number, seconds, outcome } = event;
        board.end(number);
        const line = `${number}: ${describeTask(task)}: ${outcome} after ${formatSeconds(seconds)}`;
        board.say(line, { event: 'ended', task: number, id: task.id, outcome, seconds });
        break;
      }
      case 'whole': {
        const { done, total, running, secondsLeft } = event;
        const label = `${done} of ${total} over, ${running} running`;
        board.whole({ label, done, total, quantities: {}, secondsLeft });
        break;
      }
      case 'results':
        // The tables come below everything.
        board.close();
        this.others.tell(event);
        break;
      default:
        this.others.tell(event);
    }
  }
}
