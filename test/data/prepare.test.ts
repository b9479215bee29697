// Text -> corpus: what is counted, what is refused and where, and a hash that follows the content.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EncodedSplit, FileSplit } from '../../src/data/corpus.js';
import { loadCorpus } from '../../src/data/corpus-files.js';
import { formatPreparation } from '../../src/data/preparation-report.js';
import { type PrepareOptions, prepareCorpus } from '../../src/data/prepare.js';
import { START, UNK } from '../../src/data/vocabulary.js';
import { InputError } from '../../src/errors.js';
import { encodeSafetensors, readSafetensorsLayout } from '../../src/storage/safetensors.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sri-prepare-'));
});
afterEach(() => rm(directory, { recursive: true }));

type Texts = Partial<Record<'train' | 'valid' | 'test', string | Uint8Array>>;

/** Writes the texts, each a sound one where it is not given, and prepares them. */
async function prepare(texts: Texts, options: Partial<PrepareOptions> = {}) {
  const all = { train: 'a b c\nb c\n', valid: 'a b\n', test: 'b\n', ...texts };
  for (const [split, text] of Object.entries(all)) await writeFile(join(directory, `${split}.txt`), text);
  return prepareCorpus({ ...defaults(), ...options });
}

function defaults(): PrepareOptions {
  return {
    name: 'tiny',
    output: join(directory, 'out'),
    splits: { train: file('train'), valid: file('valid'), test: file('test') },
    labelColumn: 'auto',
    vocabularySize: 100,
    maxLength: 5,
    overLong: 'truncate',
    unknownToken: '<unk>',
  };
}

const file = (split: string) => join(directory, `${split}.txt`);

/** The message with which preparing is refused; fails where it is not refused as wrong input. */
async function refusal(texts: Texts, options: Partial<PrepareOptions> = {}): Promise<string> {
  try {
    await prepare(texts, options);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message.replaceAll(`${directory}/`, '');
  }
  throw new Error('was not refused');
}

const warningsOf = ({ report }: Awaited<ReturnType<typeof prepare>>) =>
  report.warnings.map((warning) => warning.replaceAll(`${directory}/`, ''));

describe('encoding', () => {
  it('gives the words back, <unk> for those the vocabulary lacks', async () => {
    const corpus = await prepare(
      { train: 'the cat sat\nthe cat\nthe\n', valid: 'the dog sat\n' },
      { vocabularySize: 4 },
    );
    expect(corpus.vocabulary.words).toEqual(['<pad>', '<unk>', '<s>', '</s>', 'the', 'cat']);
    const read = (split: 'train' | 'valid') =>
      Array.from({ length: corpus.splits[split].length }, (_, i) =>
        Array.from(corpus.splits[split].sentence(i), (id) => corpus.vocabulary.word(id)).join(' '),
      );
    expect(read('train')).toEqual(['the cat <unk>', 'the cat', 'the']);
    expect(read('valid')).toEqual(['the <unk> <unk>']);
    expect(corpus.report.wordsBeyondLimit).toBe(1);
  });

  it('learns words from the training text alone', async () => {
    const { vocabulary } = await prepare({ train: 'a\n', valid: 'b b b\n', test: 'c\n' });
    expect(vocabulary.words.slice(4)).toEqual(['a']);
  });

  it("takes the text's own unknown token as <unk>, before lowering case", async () => {
    const texts = { train: 'Pear _UNK pear\n' };
    const options = { unknownToken: '_UNK', lowercase: true };
    const { vocabulary, splits, statistics } = await prepare(texts, options);
    const pear = vocabulary.encode('pear');
    expect([...splits.train.sentence(0)]).toEqual([pear, UNK, pear]);
    expect(vocabulary.words.slice(4)).toEqual(['pear']);
    expect(statistics.splits.train).toMatchObject({ words: 3, types: 1, unknown: 1, unknownRate: 1 / 3 });
  });

  it('does not let the text spell a special, and says where it tried', async () => {
    const corpus = await prepare({ train: 'a\n<s> b </s>\n' });
    expect([...corpus.splits.train.sentence(1)]).toEqual([UNK, corpus.vocabulary.encode('b'), UNK]);
    expect([...corpus.splits.train.sentence(1)]).not.toContain(START);
    expect(warningsOf(corpus)).toEqual(['1 line with a word spelled like a special, read as <unk>: train.txt:2']);
  });

  it('reads any white space, line ends of Windows, a byte order mark and a last line without an end', async () => {
    const { splits, vocabulary } = await prepare({ train: '\ufeff a  b\u00a0c \r\n\ta\tb' }, { labelColumn: 'none' });
    expect(vocabulary.words.slice(4)).toEqual(['a', 'b', 'c']);
    expect([splits.train.length, splits.train.sentence(0).length, splits.train.sentence(1).length]).toEqual([2, 3, 2]);
  });

  it('reads lines longer than the pieces in which a file is read', async () => {
    const long = Array.from({ length: 300_000 }, (_, i) => `w${i % 7}`).join(' ');
    const { splits } = await prepare({ train: `a\n${long}\nb\n` }, { maxLength: 1_000_000 });
    expect([0, 1, 2].map((i) => splits.train.sentence(i).length)).toEqual([1, 300_000, 1]);
  });
});

describe('what is skipped or cut', () => {
  it('is counted, with file and line: empty lines', async () => {
    const corpus = await prepare({ train: 'a\n\n  \t \nb\n', valid: '\na\n' }, { labelColumn: 'none' });
    expect(warningsOf(corpus).slice(0, 2)).toEqual([
      '2 lines without a word, skipped: train.txt:2',
      '1 line without a word, skipped: valid.txt:1',
    ]);
    expect(corpus.report.sources[0]).toMatchObject({ lines: 4, sentences: 2, empty: { count: 2 } });
  });

  it('is counted, with file and line: over-long sentences, cut', async () => {
    const corpus = await prepare({ train: 'a\na b c d e f g\na b c d e\n' });
    expect(warningsOf(corpus)).toEqual(['1 line over 5 words, cut (2 words lost): train.txt:2']);
    expect(corpus.splits.train.sentence(1)).toHaveLength(5);
    expect(corpus.vocabulary.words).not.toContain('f');
  });

  it('is counted, with file and line: over-long sentences, dropped', async () => {
    const corpus = await prepare({ train: 'a\na b c d e f g\na b c d e\n' }, { overLong: 'drop' });
    expect(warningsOf(corpus)).toEqual(['1 line over 5 words, dropped: train.txt:2']);
    expect(corpus.splits.train.length).toBe(2);
  });

  it('shows the first place and all of the count', async () => {
    const corpus = await prepare({ train: `a\n${'\n'.repeat(40)}` });
    expect(warningsOf(corpus)[0]).toBe('40 lines without a word, skipped: train.txt:2');
  });

  it('adds up: every line is a sentence, empty or dropped', async () => {
    const { report } = await prepare({ train: 'a\n\nb b b b b b\nc\n\nd' }, { overLong: 'drop' });
    for (const { lines, sentences, empty, dropped } of report.sources) {
      expect(sentences + empty.count + dropped.count).toBe(lines);
    }
  });
});

describe('wrong input is refused with file and line', () => {
  it('bytes that are not UTF-8', async () => {
    const bad = Buffer.concat([Buffer.from('gut\n'), Buffer.from([0x67, 0xfc, 0x74, 0x0a]), Buffer.from('gut\n')]);
    const message = await refusal({ train: bad, test: Buffer.from([0xc3]) });
    expect(message).toBe('not UTF-8: train.txt:2, test.txt:1; save the text as UTF-8');
  });

  it('many of them, the first few by line', async () => {
    const bad = Buffer.concat(Array(20).fill(Buffer.from([0xff, 0x0a])));
    expect(await refusal({ valid: bad })).toMatch(/valid\.txt:1, .*valid\.txt:5, and 15 more;/);
  });

  it('a label column that goes', async () => {
    const message = await refusal({ train: '1\ta\n0\tb\nno label\n', valid: '1\ta\n', test: 'neither\n' });
    expect(message).toMatch(
      /^the first line, train\.txt:1, has a label before a tab.*no tab at train\.txt:3, test\.txt:1;/,
    );
    expect(message).toMatch(/labelColumn to none$/);
  });

  it('a label column that comes', async () => {
    const message = await refusal({ train: '\na\nb\n1\tc\n' });
    expect(message).toMatch(/^the first line, train\.txt:2, has no tab, but there is one at train\.txt:4;/);
  });

  it('a label that is required and missing, or empty', async () => {
    const message = await refusal(
      { train: '1\ta\nb\n\tc\n', valid: '1\ta\n', test: '1\ta\n' },
      { labelColumn: 'required' },
    );
    expect(message).toBe('no label: train.txt:2, train.txt:3; write every line as label<TAB>text');
  });

  it('all kinds at once', async () => {
    const bad = Buffer.concat([Buffer.from('1\ta\nb\n'), Buffer.from([0xff, 0x0a])]);
    expect((await refusal({ train: bad })).split('\n')).toHaveLength(2);
  });

  it('a split without a sentence, with what became of its lines', async () => {
    expect(await refusal({ valid: '' })).toMatch(/^valid\.txt: the valid split has no sentences \(0 lines/);
    expect(await refusal({ test: '\n\n' })).toMatch(/^test\.txt: .*2 lines, of them 2 empty and 0 dropped/);
    expect(await refusal({ train: 'a b c d e f\n' }, { overLong: 'drop' })).toMatch(
      /^train\.txt: .*0 empty and 1 dropped/,
    );
  });

  it('a file that is missing, or is a folder', async () => {
    const splits = { train: file('train'), valid: file('nowhere'), test: file('test') };
    expect(await refusal({}, { splits })).toMatch(/^nowhere\.txt: no such file/);
    expect(await refusal({}, { splits: { ...splits, valid: directory } })).toMatch(/is a folder/);
  });

  it('settings out of range', async () => {
    expect(await refusal({}, { maxLength: 0 })).toMatch(/maxLength is 0/);
    expect(await refusal({}, { vocabularySize: 2 })).toMatch(/vocabularySize is 2/);
    const splits = { text: file('train'), fractions: { train: 0.8, valid: 0.1, test: 0.2 }, seed: 0 };
    expect(await refusal({}, { splits })).toMatch(/fractions.*sum to 1/);
  });

  it('and leaves nothing behind', async () => {
    await refusal({ valid: '' });
    expect(await readdir(directory)).not.toContain('out');
  });
});

describe('labels', () => {
  const texts = { train: 'pos\ta b\nneg\tb\tc\npos\tc\n', valid: 'neg\ta\n', test: 'pos\ta\n' };

  it('are found by the first line, sorted and counted; later tabs are white space', async () => {
    const corpus = await prepare(texts);
    expect(corpus.labels).toEqual(['neg', 'pos']);
    expect([0, 1, 2].map((i) => corpus.splits.train.label(i))).toEqual([1, 0, 1]);
    expect(corpus.splits.train.sentence(1)).toHaveLength(2);
    expect(corpus.statistics.splits.train.labels).toEqual({ neg: 1, pos: 2 });
  });

  it('are words of the text where the column is switched off', async () => {
    const corpus = await prepare(texts, { labelColumn: 'none' });
    expect(corpus.labels).toBeNull();
    expect(corpus.splits.train.label(0)).toBeNull();
    expect(corpus.splits.train.sentence(0)).toHaveLength(3);
  });

  it('of held-out text alone are pointed out', async () => {
    const corpus = await prepare({ ...texts, test: 'mixed\ta\n' });
    expect(warningsOf(corpus)).toEqual([
      "1 label is on 1 held-out sentence and on no training sentence, such as 'mixed'",
    ]);
  });

  it('with an empty text are an empty line', async () => {
    const corpus = await prepare({ ...texts, train: 'pos\ta\nneg\t \nneg\tb\n' });
    expect(corpus.splits.train.length).toBe(2);
    expect(corpus.splits.train.label(1)).toBe(0);
    expect(corpus.report.sources[0]!.empty).toEqual({ count: 1, firstLines: [2] });
  });
});

describe('one text divided', () => {
  // A sentence is known by its length, because words of held-out sentences may be unknown.
  const lines = Array.from({ length: 100 }, (_, i) => `${i % 2}\t${'w '.repeat(i + 1)}`);
  const divided = (seed: number, text = lines) =>
    prepare(
      { train: `${text.join('\n')}\n` },
      { splits: { text: file('train'), fractions: { train: 0.7, valid: 0.2, test: 0.1 }, seed }, maxLength: 100 },
    );

  it('gives every sentence to one split, with its label, in the order of the text', async () => {
    const { splits } = await divided(1);
    expect([splits.train.length, splits.valid.length, splits.test.length]).toEqual([70, 20, 10]);
    const places = Object.values(splits).map((split) =>
      Array.from({ length: split.length }, (_, i) => {
        const place = split.sentence(i).length - 1;
        expect(split.label(i)).toBe(place % 2);
        return place;
      }),
    );
    for (const own of places) expect(own).toEqual([...own].sort((a, b) => a - b));
    expect(places.flat().sort((a, b) => a - b)).toEqual([...lines.keys()]);
    // A random tenth is not the last tenth.
    expect(Math.min(...places[2]!)).toBeLessThan(70);
  });

  it('depends on the seed alone', async () => {
    const hashes = [await divided(1), await divided(1), await divided(2)].map(({ hash }) => hash);
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  it('is refused where a split would be empty', async () => {
    await expect(divided(1, ['0\ta', '1\tb'])).rejects.toThrow(/2 sentences are too few to divide/);
    const same = {
      splits: { text: file('train'), fractions: { train: 0.7, valid: 0.2, test: 0.1 }, seed: 1, distinct: true },
    };
    await expect(prepare({ train: '0\ta b\n'.repeat(100) }, same)).rejects.toThrow(
      /1 distinct sentence is too few to divide \(100 lines/,
    );
  });
});

describe('the content hash', () => {
  it('is the same for the same content, wherever it lies', async () => {
    const first = await prepare({});
    const again = await prepare({});
    const elsewhere = await prepare({}, { output: join(directory, 'elsewhere'), name: 'other' });
    expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
    expect([again.hash, elsewhere.hash]).toEqual([first.hash, first.hash]);
  });

  it('changes with a word, an order, a label, a boundary between splits, and a setting', async () => {
    const labelled = { train: '1\ta b c\n0\tb c\n', valid: '1\ta b\n', test: '0\tb\n' };
    const corpora = [
      await prepare({}),
      await prepare({ train: 'a b c\nb d\n' }),
      await prepare({ train: 'b c\na b c\n' }),
      await prepare({ train: 'a b c\nb c\na b\n', valid: 'b\n' }),
      await prepare(labelled),
      await prepare({ ...labelled, test: '1\tb\n' }),
      await prepare({}, { maxLength: 2 }),
      await prepare({}, { vocabularySize: 4 }),
    ];
    expect(new Set(corpora.map(({ hash }) => hash)).size).toBe(corpora.length);
  });
});

describe('a prepared folder', () => {
  const texts = { train: 'x\ta b c\ny\tb c\n', valid: 'x\ta\n', test: 'y\tb q\n' };

  it('is read back as it was', async () => {
    const made = await prepare(texts);
    const read = await loadCorpus(made.directory);
    expect(read.hash).toBe(made.hash);
    expect(read.vocabulary.words).toEqual(made.vocabulary.words);
    expect(read).toMatchObject({ name: 'tiny', labels: ['x', 'y'], statistics: made.statistics });
    for (const split of ['train', 'valid', 'test'] as const) {
      for (let i = 0; i < made.splits[split].length; i++) {
        expect([...read.splits[split].sentence(i)]).toEqual([...made.splits[split].sentence(i)]);
        expect(read.splits[split].label(i)).toBe(made.splits[split].label(i));
      }
      expect(() => read.splits[split].sentence(read.splits[split].length)).toThrow(RangeError);
    }
  });

  it('lists a word a line, in id order', async () => {
    const { directory: out, vocabulary } = await prepare(texts);
    expect(await readFile(join(out, 'vocabulary.txt'), 'utf8')).toBe(`${vocabulary.words.join('\n')}\n`);
  });

  it('is refused when any file of it was changed, cut or taken away', async () => {
    const { directory: out } = await prepare(texts);
    const names = await readdir(out);
    expect(names).toHaveLength(5);
    for (const name of names) {
      const path = join(out, name);
      const bytes = await readFile(path);
      const changed = Buffer.from(bytes);
      changed[changed.length - 4]! ^= 1;
      for (const damage of [changed, bytes.subarray(0, bytes.length - 5), null]) {
        await (damage === null ? rm(path) : writeFile(path, damage));
        await expect(loadCorpus(out)).rejects.toThrow(InputError);
      }
      await writeFile(path, bytes);
    }
    expect((await loadCorpus(out)).name).toBe('tiny');
  });

  it('is refused when what was counted in it is another number, and read where it was written before it had a sum', async () => {
    const { directory: out, statistics } = await prepare(texts);
    const path = join(out, 'corpus.json');
    const text = await readFile(path, 'utf8');
    const { words } = statistics.splits.train;
    await writeFile(path, text.replace(`"words": ${words}`, `"words": ${words + 1}`));
    await expect(loadCorpus(out)).rejects.toThrow(/corpus\.json: not as it was written/);
    const { sum, ...earlier } = JSON.parse(text);
    expect(sum).toMatch(/^[0-9a-f]{64}$/);
    await writeFile(path, JSON.stringify(earlier));
    expect((await loadCorpus(out)).statistics).toEqual(statistics);
    await writeFile(path, JSON.stringify({ ...earlier, rum: sum }));
    await expect(loadCorpus(out)).rejects.toThrow(/corpus\.json: not as it was written/);
  });

  it('is refused when its description is not one of this version', async () => {
    const { directory: out } = await prepare(texts);
    for (const text of ['', 'null', '[]', '{}', '{"format":2}', '{"format":1}', '{"format":1,"hash":"x"}']) {
      await writeFile(join(out, 'corpus.json'), text);
      await expect(loadCorpus(out)).rejects.toThrow(/corpus\.json.*sri prepare/);
    }
  });

  it('that is not there says which command makes it', async () => {
    const loaded = loadCorpus(join(directory, 'ptb'));
    await expect(loaded).rejects.toThrow(InputError);
    await expect(loaded).rejects.toThrow(/sri prepare --config ptb\.yaml.*sri prepare --text FILE --out/);
    const before = process.cwd();
    process.chdir(directory);
    try {
      await writeFile('by-another-name.yaml', 'dataSet: mine\n');
      await expect(loadCorpus('data/mine')).rejects.toThrow(/sri prepare --config by-another-name\.yaml/);
      await writeFile('mine.yaml', 'dataSet: mine # as well\n');
      await expect(loadCorpus('data/mine')).rejects.toThrow(/sri prepare --config CONFIG/);
    } finally {
      process.chdir(before);
    }
  });

  it('is not disturbed when the same text is prepared again, and follows when another is', async () => {
    const { directory: out } = await prepare(texts);
    const before = await readFile(join(out, 'train.safetensors'));
    await writeFile(join(out, 'corpus.json.note'), '');
    await prepare(texts);
    expect(await readFile(join(out, 'train.safetensors'))).toEqual(before);
    const other = await prepare({ ...texts, train: 'x\tz z z\ny\tz\n' });
    expect((await loadCorpus(out)).hash).toBe(other.hash);
  });
});

describe('the report', () => {
  it('counts sentences, words, types, unknown words and lengths of each split', async () => {
    const { statistics } = await prepare({ train: 'a b c\nb c d e\n', valid: 'a x <unk>\n', test: 'x\n' });
    expect(statistics.splits.train).toEqual({
      sentences: 2,
      words: 7,
      types: 5,
      unknown: 0,
      unknownRate: 0,
      meanLength: 3.5,
      maxLength: 4,
      labels: null,
    });
    expect(statistics.splits.valid).toMatchObject({ words: 3, types: 2, unknown: 2, unknownRate: 2 / 3 });
    expect(statistics.splits.test.unknownRate).toBe(1);
  });

  it('says when a set is not the published one, and when two splits are one text', async () => {
    const corpus = await prepare({ test: 'a b\n' }, { published: { train: 2, valid: 9, test: 1 } });
    expect(warningsOf(corpus)).toEqual([
      'valid.txt and test.txt are the same text in two splits',
      'valid.txt has 1 lines and the published valid split 9: results are not those of the published set',
    ]);
  });

  it('reads as lines with the numbers in columns and the warnings last', async () => {
    const { report } = await prepare({
      train: `1\t${'w '.repeat(5)}\n`.repeat(1234),
      valid: '0\tw\n',
      test: '1\tw\n\n',
    });
    const lines = formatPreparation(report);
    expect(lines[1]).toMatch(/^vocabulary: 3 types \(5 ids/);
    const row = lines.find((line) => /^train\s/.test(line))!;
    expect(row.split(/\s{2,}/)).toEqual(['train', '1,234', '6,170', '1', '0 %', '5.0', '5']);
    expect(lines.find((line) => /^1\s/.test(line))!.split(/\s+/)).toEqual(['1', '1,234', '0', '1']);
    const warnings = lines.filter((line) => line.startsWith('warning: '));
    expect(warnings).toEqual(lines.slice(-warnings.length));
    expect(warnings.length).toBeGreaterThan(1);
    expect(new Set(lines.slice(2, 6).map((line) => line.length)).size).toBe(1);
  });
});

describe('what a text is looked at for', () => {
  const sentences = (count: number, text = (i: number) => `w${i % 9} v${i % 7} u${i}`) =>
    Array.from({ length: count }, (_, i) => `${text(i)}\n`).join('');
  const found = async (texts: Texts, options: Partial<PrepareOptions> = {}) =>
    warningsOf(await prepare(texts, options)).join('\n');

  it('NUL bytes, as of UTF-16, are refused with file and line', async () => {
    const utf16 = Buffer.from('the cat\nsat\n', 'utf16le');
    expect(await refusal({ train: utf16 })).toMatch(/^NUL bytes.*train\.txt:1, train\.txt:2/);
  });

  it('a line that is no line is refused with its place', async () => {
    expect(await refusal({ train: `a\n${'x'.repeat((1 << 25) + 1)}` })).toMatch(
      /train\.txt:2: a line of more than 32 MiB/,
    );
  });

  it('lines that end by carriage returns alone are refused: they would be one line', async () => {
    expect(await refusal({ train: 'a b\rthe cat\r' })).toMatch(
      /train\.txt: its lines end by carriage returns alone; convert them/,
    );
  });

  it('carriage returns inside, and characters of no width', async () => {
    const told = await found({ train: 'a b\ra b\r\na b\nthe\u200bcat\n' });
    expect(told).toContain('1 line with a carriage return inside, read as white space');
    expect(told).toContain('train.txt:1');
    expect(told).toMatch(/1 line with a character of no width.*train\.txt:3/);
  });

  it('tabs that divide columns which no label is asked of', async () => {
    const train = sentences(10, (i) => `pos\tword${i} a`);
    expect(await found({ train }, { labelColumn: 'none' })).toMatch(/10 lines with a tab, .*--labels.*train\.txt:1/);
    expect(await found({ train: 'a\tb c\nd e\nf g\n' }, { labelColumn: 'none' })).not.toContain('tab');
  });

  it('a text of JSON lines', async () => {
    const train = sentences(4, (i) => `{"text": "a b ${i}", "label": 1}`);
    expect(await found({ train })).toMatch(/first line is JSON, .*train\.txt:1: '\{"text": "a b 0".*label<TAB>text/);
    expect(await found({ train: '{ "quoted" } braces\na b\n' })).not.toContain('JSON');
  });

  it('a header, which is left out when asked', async () => {
    const texts = { train: `label\ttext\n${sentences(4, () => 'pos\ta b')}`, valid: 'pos\ta\n', test: 'pos\tb\n' };
    expect(await found(texts)).toMatch(/first line looks like the names of the columns.*train\.txt:1: 'label text'/);
    const header = `label\ttext\n`;
    const all = { train: texts.train, valid: header + texts.valid, test: header + texts.test };
    const corpus = await prepare(all, { header: true });
    expect(corpus.labels).toEqual(['pos']);
    expect(corpus.splits.train.length).toBe(4);
    expect(warningsOf(corpus).join('\n')).not.toContain('columns');
    expect(corpus.settings.header).toBe(true);
  });

  it('labels that name lines, that occur once, that stand in quotation marks, that are longer than the texts', async () => {
    const held = { valid: 'q0\ta\n', test: 'q0\tb\n' };
    expect(await found({ train: sentences(60, (i) => `q${i}\ta b`), ...held })).toMatch(
      /60 labels for 62 sentences, such as 'q0': that names the lines/,
    );
    expect(await found({ train: `q1\ta\n${sentences(30, () => 'q0\ta b')}`, ...held })).toContain(
      "1 label occurs once, such as 'q1'",
    );
    expect(await found({ train: '"pos"\ta\n"neg"\tb\n', valid: '"pos"\ta\n', test: '"pos"\ta\n' })).toMatch(
      /2 lines with quotation marks around the label.*train\.txt:1/,
    );
    const turned = (i: number) => `one two three four five\t${i % 2}`;
    expect(
      await found({ train: sentences(9, turned), valid: sentences(2, turned), test: sentences(2, turned) }),
    ).toMatch(/are the columns the wrong way round/);
  });

  it('labels that are names of object properties are labels', async () => {
    const texts = { train: 'constructor\ta\n__proto__\tb\n', valid: '__proto__\ta\n', test: 'constructor\tb\n' };
    const { labels, statistics } = await prepare(texts);
    expect(labels).toEqual(['__proto__', 'constructor']);
    expect(Object.entries(statistics.splits.valid.labels!)).toEqual([
      ['__proto__', 1],
      ['constructor', 0],
    ]);
    expect((await loadCorpus(join(directory, 'out'))).labels).toEqual(labels);
  });

  it('text without spaces, and words that the vocabulary lacks', async () => {
    const zh = sentences(80, (i) => `\u8fd9\u662f\u4e00${i}`);
    const told = await found({ train: zh, valid: sentences(60, (i) => `\u53e5${i}`) });
    expect(told).toContain('have 1.0 words on average');
    expect(told).toMatch(/60 words of the valid split, 100 % of them, are unknown/);
  });

  it('held-out sentences that the training split has too, which a division of distinct sentences has not', async () => {
    expect(await found({ train: 'a b\nc d\n', valid: 'a b\nb a\na b\n', test: 'd c\n' })).toContain(
      "2 of 3 valid sentences (66.7 %) stand in the training split too, such as 'a b'",
    );
    await writeFile(
      file('text'),
      sentences(300, (i) => `w${i % 40} a`),
    );
    const divided = (distinct: boolean) =>
      prepare(
        {},
        { splits: { text: file('text'), fractions: { train: 0.8, valid: 0.1, test: 0.1 }, seed: 1, distinct } },
      );
    expect(warningsOf(await divided(false)).join('\n')).toMatch(/stand in the training split too.*--distinct/);
    const apart = await divided(true);
    expect(warningsOf(apart).join('\n')).not.toContain('stand in the training split');
    const { train, valid, test } = apart.splits;
    expect(train.length + valid.length + test.length).toBe(300);
    expect(apart.settings.division).toMatchObject({ distinct: true });
  });

  it('140,000 labels and sentences of every length, in linear time', async () => {
    const train = sentences(140_000, (i) => `q${i}\t${'w '.repeat(1 + (i % 5))}`);
    const { report } = await prepare({ train, valid: 'q0\ta\n', test: 'q1\tb\n' });
    expect(formatPreparation(report).some((line) => line === 'and 139,980 more labels')).toBe(true);
  });
});

describe('a corpus that is larger than memory should hold', () => {
  it('is read from its files as from memory', async () => {
    const texts = {
      train: 'pos\tthe cat sat\nneg\ta\npos\tthe dog ran away\n',
      valid: 'neg\tcat\n',
      test: 'pos\tdog\n',
    };
    const { splits } = await prepare(texts);
    const { train } = splits;
    const { places } = readSafetensorsLayout(join(directory, 'out', 'train.safetensors'));
    const begin = places.find(({ name }) => name === 'ids')!.begin;
    const { offsets, labels } = train as EncodedSplit;
    const onDisk = new FileSplit('train', join(directory, 'out', 'train.safetensors'), begin, offsets, labels);
    for (const sentence of [2, 0, 1]) {
      expect(onDisk.sentence(sentence)).toEqual(train.sentence(sentence));
      expect(onDisk.lengthOf(sentence)).toBe(train.lengthOf(sentence));
      expect(onDisk.label(sentence)).toBe(train.label(sentence));
    }
    expect([...onDisk.pieces()].flatMap((piece) => [...piece])).toEqual([...(train as EncodedSplit).ids]);
    expect(() => onDisk.sentence(3)).toThrow(RangeError);
  });

  it('has no word outside its vocabulary, whatever its hash says', async () => {
    await prepare({});
    const path = join(directory, 'out', 'valid.safetensors');
    const ids = Int32Array.of(4, 99);
    const tensors = new Map([
      ['ids', { shape: [2], data: ids }],
      ['offsets', { shape: [2], data: Int32Array.of(0, 2) }],
    ]);
    await writeFile(path, Buffer.concat(encodeSafetensors(tensors)));
    await expect(loadCorpus(join(directory, 'out'))).rejects.toThrow(/valid\.safetensors: word 99 is none of the 7/);
  });

  it('leaves nothing of a preparation that was killed', async () => {
    await prepare({});
    // No process has this number: it is above what Linux hands out.
    await mkdir(join(directory, 'out', '.preparing-99999999-0123456789ab'));
    await prepare({});
    expect((await readdir(join(directory, 'out'))).sort()).toEqual([
      'corpus.json',
      'test.safetensors',
      'train.safetensors',
      'valid.safetensors',
      'vocabulary.txt',
    ]);
  });
});
