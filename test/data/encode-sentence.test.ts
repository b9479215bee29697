import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeSentence } from '../../src/data/encode-sentence.js';
import { prepareCorpus } from '../../src/data/prepare.js';
import { UNK, Vocabulary } from '../../src/data/vocabulary.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-encode-'));
afterAll(() => rmSync(root, { recursive: true }));

const LINES = [
  'the Cat  sat on\tthe mat .',
  ' _UNK sat _unk .',
  'a cat </s> sat <pad> <UNK> .',
  'the dog sat on a  cat',
  'The mat . sat',
  'rare words on the mat',
];

it.each([true, false])('reads a line as the corpus did, lowercase %s', async (lowercase) => {
  const file = path.join(root, 'text.txt');
  writeFileSync(file, `${LINES.join('\n')}\n`);
  const corpus = await prepareCorpus({
    name: 'text',
    output: path.join(root, String(lowercase)),
    splits: { train: file, valid: file, test: file },
    vocabularySize: 9,
    maxLength: 20,
    overLong: 'drop',
    unknownToken: '_UNK',
    labelColumn: 'none',
    lowercase,
  });
  expect(corpus.settings).toMatchObject({ lowercase, unknownToken: '_UNK' });
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  lines.forEach((line, i) => {
    expect([...encodeSentence(line, corpus.settings, corpus.vocabulary).ids]).toEqual([
      ...corpus.splits.train.sentence(i),
    ]);
  });
});

describe('a sentence', () => {
  const vocabulary = new Vocabulary(['<pad>', '<unk>', '<s>', '</s>', 'cat', 'the']);
  const settings = { lowercase: true, unknownToken: '<unk>' };

  it('names the words that are not known, each once, but not those already written as unknown', () => {
    const { ids, unknown } = encodeSentence('The dog <unk> saw the DOG </s>', settings, vocabulary);
    expect([...ids]).toEqual([5, UNK, UNK, UNK, 5, UNK, UNK]);
    expect(unknown).toEqual(['dog', 'saw', '</s>']);
  });

  it('may be without words', () => {
    expect(encodeSentence(' \t ', settings, vocabulary)).toEqual({ ids: new Int32Array(0), unknown: [] });
  });
});
