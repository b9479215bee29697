import { describe, expect, it } from 'vitest';
import { TrainingTeller } from '../../src/cli/train.js';
import type { TrainingEvent } from '../../src/training/train.js';

type Told = Record<string, unknown>;

/** What is said of an epoch, after an iteration that did not know of its validation yet. */
function said(metrics: Told, { epoch = 2, improved = false } = {}): string {
  const lines: string[] = [];
  const progress = { update() {}, end() {}, say: (line: string) => lines.push(line) };
  const teller = new TrainingTeller({ dataSet: 'ptb', name: 'sri', seed: 0 }, { directory: 'runs' }, progress);
  const tell = (event: Told) => teller.report(event as unknown as TrainingEvent);
  tell({ kind: 'start', epochs: 6, epoch: 1, resumed: false, parameters: 10, backends: ['native'] });
  tell({ kind: 'iteration', at: { epoch, iteration: 1 }, iterations: 12, update: { loss: 9 }, secondsLeft: 100 });
  const secondsLeft = epoch === 6 ? null : 200;
  tell({ kind: 'epoch', improved, learningRate: 0.1, secondsLeft, metrics: { epoch, ...metrics } });
  return lines.at(-1)!;
}

describe('the line of an epoch', () => {
  const losses = { lossPerWord: 4.75, validationLoss: 4.625 };

  it('says the loss, the perplexity with its error, KL, active units and the time left, and no more', () => {
    const quantities = { validationPpl: 101.25, validationPplError: 1.5, validationKl: 2.25, validationActiveUnits: 3 };
    expect(said({ ...losses, quantities: { ...quantities, latentRms: 1.1, 'klDimension[0]': 1 } })).toBe(
      'sri epoch 2/6: loss 4.75 training, 4.63 validation, nats a word; PPL 101.3 ± 1.5; KL 2.25 nats; AU 3; ' +
        '3 min 20 s left',
    );
  });

  it('leaves out what a method does not have, and the time left after the last epoch', () => {
    expect(said({ ...losses, quantities: {} }, { epoch: 6, improved: true })).toBe(
      'sri epoch 6/6: loss 4.75 training, 4.63 validation, nats a word (best so far)',
    );
    expect(said({ lossPerWord: Number.NaN, validationLoss: null, quantities: {} })).toContain('loss - training, - val');
  });
});
