import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadCorpus } from '../../src/data/corpus-files.js';
import { encodeSentence } from '../../src/data/encode-sentence.js';
import { prepareCorpus } from '../../src/data/prepare.js';
import { tokenize } from '../../src/data/tokenize.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-tokenize-'));
afterAll(() => rmSync(root, { recursive: true }));

it('takes words apart at spaces alone, or by Unicode’s boundaries', () => {
  expect(tokenize(" It's  fine, really.\t", 'whitespace', '<unk>')).toEqual(["It's", 'fine,', 'really.']);
  expect(tokenize(" It's  fine, really.\t", 'words', '<unk>')).toEqual(["It's", 'fine', ',', 'really', '.']);
  expect(tokenize('ein <unk>, bitte', 'words', '<unk>')).toEqual(['ein', '<', 'unk', '>', ',', 'bitte']);
  expect(tokenize('ein <unk> , bitte', 'words', '<unk>')).toEqual(['ein', '<unk>', ',', 'bitte']);
  const chinese = tokenize('我们喜欢读书。', 'words', '<unk>');
  expect(chinese.length).toBeGreaterThan(3);
  expect(chinese.join('')).toBe('我们喜欢读书。');
});

it('is a setting of the corpus, which keeps its hash where words are as they were', async () => {
  const text = path.join(root, 'text.txt');
  writeFileSync(text, 'good, really\n'.repeat(10));
  const prepared = (name: string, tokenizer?: 'whitespace' | 'words') =>
    prepareCorpus({
      name,
      output: path.join(root, name),
      splits: { train: text, valid: text, test: text },
      vocabularySize: 10,
      maxLength: 5,
      overLong: 'drop',
      unknownToken: '<unk>',
      labelColumn: 'none',
      ...(tokenizer && { tokenizer }),
    });
  const [plain, said, words] = [await prepared('a'), await prepared('b', 'whitespace'), await prepared('c', 'words')];
  expect(said.hash).toBe(plain.hash);
  expect(plain.settings).not.toHaveProperty('tokenizer');
  expect(plain.splits.train.lengthOf(0)).toBe(2);
  const loaded = await loadCorpus(path.join(root, 'c'));
  expect(loaded.settings.tokenizer).toBe('words');
  expect(loaded.splits.train.lengthOf(0)).toBe(3);
  expect(words.hash).not.toBe(plain.hash);
  expect(encodeSentence('really,good', loaded.settings, loaded.vocabulary)).toMatchObject({ unknown: [] });
});
