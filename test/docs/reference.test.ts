// What is generated is current: the reference, the JSON Schema of configs, and that each config names it.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { referenceFiles } from '../../src/cli/reference.js';
import { configFileSchema } from '../../src/config/schema.js';
import { methods } from '../../src/methods/registry.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const files = await referenceFiles();
const configs = readdirSync(path.join(root, 'configs')).filter((name) => name.endsWith('.yaml'));

it.each(Object.keys(files))('%s is as `npm run docs` writes it', (name) => {
  expect(readFileSync(path.join(root, name), 'utf8')).toBe(files[name]);
});

describe('the JSON Schema of a config', () => {
  const schema = z.fromJSONSchema(JSON.parse(files['configs/config.schema.json']!));

  it.each(configs)('is named by configs/%s, and takes it', (name) => {
    const text = readFileSync(path.join(root, 'configs', name), 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=config.schema.json');
    expect(schema.safeParse(parse(text)).error?.issues ?? []).toEqual([]);
    expect(configFileSchema(methods()).safeParse(parse(text)).success).toBe(true);
  });

  it.each([
    ['a key that there is not', { dataSet: 'a', methods: {}, model: { latentSiez: 3 } }],
    ['a value out of range', { dataSet: 'a', methods: { sri: { langevin: { steps: 0 } } } }],
    ['a word that is none of those', { dataSet: 'a', methods: {}, backend: 'gpu' }],
    ['a config without methods', { dataSet: 'a' }],
  ])('refuses %s', (_, config) => {
    expect(schema.safeParse(config).success).toBe(false);
    expect(configFileSchema(methods()).safeParse(config).success).toBe(false);
  });
});
