import { expect, it } from 'vitest';
import { indexedColumns, latestNumbers, readEpochs } from '../../src/report/training-log.js';

const LOG = `epoch,iteration,loss,validationLoss,validationKl,klDimension[0],klDimension[1],klDimension[2],gainPosition[1],gainPosition[2]
1,20,110.5,,,,,,,
1,40,108,5.25,3,0.5,,2.5,1,0
2,60,104,,,,,,,
2,80,101,Infinity,,,,,,
3,120,99,4.75,2.5,1,0.25,1.25,-0.5,0.125
`;

it('has an epoch for each validation, with the columns that are filled', () => {
  const epochs = readEpochs(LOG);
  expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  expect(epochs.map(({ numbers }) => numbers.validationLoss)).toEqual([5.25, undefined, 4.75]);
  expect(epochs[0]!.numbers).not.toHaveProperty('klDimension[1]');
  expect(epochs[2]!.numbers).toMatchObject({ iteration: 120, loss: 99, validationKl: 2.5 });
});

it('gathers the columns of one name in the order of their index', () => {
  const [first, second, third] = readEpochs(LOG);
  expect(indexedColumns(third!, 'klDimension', 0)).toEqual([1, 0.25, 1.25]);
  expect(indexedColumns(first!, 'klDimension', 0)).toEqual([0.5, null, 2.5]);
  expect(indexedColumns(third!, 'gainPosition', 1)).toEqual([-0.5, 0.125]);
  expect(indexedColumns(second!, 'klDimension', 0)).toEqual([]);
});

it('knows where training is, within an epoch too', () => {
  expect(latestNumbers(`${LOG}4,140,97,,,,,,,\n`)).toEqual({
    epoch: 4,
    numbers: { epoch: 4, iteration: 140, loss: 97 },
  });
  expect(latestNumbers(LOG)!.numbers.validationLoss).toBe(4.75);
  expect(latestNumbers('')).toBeNull();
  expect(latestNumbers('epoch,iteration\n')).toBeNull();
});

it('finds no epoch in a log without one', () => {
  expect(readEpochs('')).toEqual([]);
  expect(readEpochs('epoch,iteration,loss,validationLoss\n1,20,3,\n')).toEqual([]);
});

it('is not led astray by a header that somebody wrote', () => {
  const header =
    'epoch,validationLoss,klDimension[4000000000],klDimension[999999],klDimension[1],__proto__,x[[[[1],[2]';
  const [epoch, ...more] = readEpochs(`${header}\n1,5,1,2,3,4,5,6\n,7,1,2,3,4,5,6\n`);
  expect(more).toEqual([]);
  expect(indexedColumns(epoch!, 'klDimension', 0)).toEqual([null, 3]);
  expect(indexedColumns(epoch!, '', 2)).toEqual([6]);
  expect(epoch!.numbers.validationLoss).toBe(5);
});
