import { expect, it } from 'vitest';
import { z } from 'zod';
import { anyNumber, JsonFormat } from '../../src/runs/json-format.js';

it('keeps NaN and the infinities where it is told to, at any depth', () => {
  const schema = z.strictObject({ loss: anyNumber, method: z.record(z.string(), z.unknown()) });
  const format = new JsonFormat('state', 1, schema, 'x', true);
  const state = {
    loss: Number.POSITIVE_INFINITY,
    method: { least: Number.NEGATIVE_INFINITY, path: [1.5, Number.NaN], name: 'Infinity' },
  };
  expect(format.read(format.write(state), 'file')).toEqual(state);
});
