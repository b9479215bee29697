import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { scalesFor } from '../../src/experiments/init.js';
import { methods } from '../../src/methods/registry.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-init-'));
const before = process.cwd();
beforeAll(() => {
  process.chdir(root);
  const reviews = Array.from(
    { length: 80 },
    (_, i) => `${i % 2}\tThe food was ${i % 3 ? 'good' : 'bad'}, and we ate it.`,
  );
  writeFileSync('my reviews.txt', `label\ttext\n${reviews.join('\n')}\n1\t${'long '.repeat(30)}\n`);
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

const items = (name: string) => readFileSync(`data/${name}-items.tsv`, 'utf8').trim().split('\n');
const init = (...args: string[]) => sri('init', ...args, '--backend', 'cpu');

describe('sri init', () => {
  it('writes a config by what it sees, prepares by it, and says what is next', async () => {
    const { code, out, error } = await init('my reviews.txt');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^next: sri train --config my-reviews\.yaml/m);
    const [first, second] = readFileSync('my-reviews.yaml', 'utf8').split('\n');
    expect(existsSync(first!.match(/^# yaml-language-server: \$schema=(.*)$/)![1]!)).toBe(true);
    expect(second).toMatch(/^# my reviews\.txt: 81 items of .* 2 labels\./);
    const { config } = loadConfig('my-reviews.yaml', methods());
    expect(config).toMatchObject({
      dataSet: 'my-reviews',
      // the, food, was, good, bad, ",", and, we, ate, it, "." and long, with <unk> and </s>; The for the.
      data: {
        vocabularySize: 14,
        maxLength: 10,
        overLong: 'drop',
        labelColumn: 'required',
        header: true,
        tokenizer: 'words',
      },
      model: { latentSize: 16, hiddenSize: 64 },
    });
    const corpus = JSON.parse(readFileSync('data/my-reviews/corpus.json', 'utf8'));
    expect(corpus.statistics.splits.train.sentences + corpus.statistics.splits.test.sentences).toBe(72);
    expect(corpus.labels).toEqual(['0', '1']);
    // The next command finds what it needs.
    const plan = await sri(
      'reproduce',
      '--table',
      '1',
      '--methods',
      'lstm-lm,sri',
      '--dry-run',
      '--set',
      'backend=cpu',
    );
    expect(plan.code, plan.error).toBe(0);
  });

  it('overwrites nothing', async () => {
    const { code, error } = await init('my reviews.txt');
    expect(code).toBe(2);
    expect(error).toMatch(/my-reviews\.yaml: there is such a config; .* sri train --config my-reviews\.yaml/);
    expect((await init('my reviews.txt', '--name', 'ptb')).error).toMatch(/ptb is a data set that sri knows/);
  });

  it('takes splits in files of their own, tokenized and without labels as they are', async () => {
    for (const split of ['train', 'valid', 'test']) writeFileSync(`${split}.txt`, 'a b c .\na c b .\nb a , c .\n');
    const { code, error } = await init('train.txt', '--valid', 'valid.txt', '--test', 'test.txt', '--name', 'letters');
    expect(code, error).toBe(0);
    expect(loadConfig('letters.yaml', methods()).config.data).toMatchObject({
      labelColumn: 'none',
      header: false,
      tokenizer: 'whitespace',
    });
    const { statistics } = JSON.parse(readFileSync('data/letters/corpus.json', 'utf8'));
    expect(statistics.splits.valid.sentences).toBe(3);
    expect((await init('train.txt', '--valid', 'valid.txt')).error).toMatch(/give --test FILE/);
  });

  it('keeps copies of a sentence in one split where it is asked to, as its warning says', async () => {
    writeFileSync(
      'copies.txt',
      Array.from({ length: 60 }, (_, i) => `it was ${'very '.repeat(i % 12)}good .\n`).join(''),
    );
    const plain = await init('copies.txt');
    expect(plain.error).toMatch(/stand in the training split too, .*; --distinct divides so that none does/);
    const { code, error } = await init('copies.txt', '--name', 'apart', '--distinct');
    expect(code, error).toBe(0);
    expect(error).not.toMatch(/stand in the training split too/);
    const { settings } = JSON.parse(readFileSync('data/apart/corpus.json', 'utf8'));
    expect(settings.division).toMatchObject({ distinct: true });
    const three = ['--valid', 'copies.txt', '--test', 'copies.txt', '--name', 'three'];
    expect(await init('copies.txt', ...three, '--distinct')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/--distinct goes with one text/),
    });
  });

  const opinions = Array.from({ length: 40 }, (_, i) => [
    `it was ${i % 3 ? 'good' : 'bad'} ${'and so on '.repeat(i % 4)}.`,
    i % 2,
  ]);

  it('takes labels from a last column', async () => {
    writeFileSync('last.txt', opinions.map(([text, label]) => `${text}\t${label}\n`).join(''));
    const { code, out, error } = await init('last.txt');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^last\.txt: text from column 1, labels from column 2; written to data\/last-items\.tsv$/m);
    expect(items('last').slice(0, 2)).toEqual(['0\tit was bad .', '1\tit was good and so on .']);
    expect(loadConfig('last.yaml', methods()).config.data).toMatchObject({ labelColumn: 'required', header: false });
  });

  it('takes a CSV apart: quotes, line ends inside, names, and which column is what', async () => {
    const rows = opinions.map(
      ([text, label], i) => `${i},"${text} ""quoted"",\nand a second line",${label},2020-01-${i}`,
    );
    writeFileSync('shop.csv', `id,review,stars,date\r\n${rows.join('\r\n')}\r\n`);
    const { code, out, error } = await init('shop.csv');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^shop\.csv: text from column 2 \(review\), labels from column 3 \(stars\); written to/m);
    expect(items('shop')).toHaveLength(40);
    expect(items('shop')[0]).toBe('0\tit was bad . "quoted", and a second line');
    expect(readFileSync('shop.yaml', 'utf8').split('\n')[1]).toMatch(
      /^# shop\.csv: text from column 2 \(review\), .* 40 items/,
    );
  });

  it('takes a CSV of one column, of semicolons, and none without a text', async () => {
    writeFileSync('one.csv', `text\n${opinions.map(([text]) => text).join('\n')}\n`);
    expect((await init('one.csv')).code).toBe(0);
    expect(items('one')[0]).toBe('it was bad .');
    writeFileSync('semicolons.csv', opinions.map(([text, label]) => `${label};${text}\n`).join(''));
    expect((await init('semicolons.csv')).out).toMatch(/text from column 2, labels from column 1/);
    writeFileSync('blank.csv', ',\n,\n');
    expect(await init('blank.csv')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/blank\.csv: no column with a text/),
    });
    expect(await init('nowhere.csv')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/nowhere\.csv: no such file/),
    });
    expect(existsSync('blank.yaml') || existsSync('data/blank-items.tsv')).toBe(false);
  });

  it('takes text without spaces by the word boundaries of Unicode', async () => {
    const sentences = ['今天的天气很好。', '我们去公园散步。', '他喜欢吃苹果。', '明天的天气不好。'];
    writeFileSync('chinese.txt', Array.from({ length: 40 }, (_, i) => `${sentences[i % 4]}\n`).join(''));
    const { code, error } = await init('chinese.txt');
    expect(code, error).toBe(0);
    const { data } = loadConfig('chinese.yaml', methods()).config;
    expect(data).toMatchObject({ tokenizer: 'words', labelColumn: 'none' });
    expect(data!.vocabularySize).toBeGreaterThan(10);
  });

  it('keeps what is usual of a text with a huge line, and says what becomes of that', async () => {
    writeFileSync(
      'huge.txt',
      `${[...opinions, ...opinions].map(([text]) => text).join('\n')}\n${'word '.repeat(200_000)}\n`,
    );
    const { code, out, error } = await init('huge.txt');
    expect(code, error).toBe(0);
    expect(loadConfig('huge.yaml', methods()).config.data!.maxLength).toBeLessThan(20);
    expect(out).toMatch(/80 sentences taken; 0 empty, 1 dropped/);
  });

  it('writes a config for a tiny text with which the command that it prints works', async () => {
    writeFileSync(
      'tiny.txt',
      `${opinions
        .slice(0, 12)
        .map(([text]) => text)
        .join('\n')}\n`,
    );
    const { code, out, error } = await init('tiny.txt');
    expect(code, error).toBe(0);
    const [, next] = out.match(/^next: sri (.*?)(?: +#.*)?$/m)!;
    const short = ['--method', 'lstm-lm', '--backend', 'cpu', '--set', 'training.epochs=1'];
    const trained = await sri(...next!.split(' '), ...short);
    expect(trained.code, trained.error).toBe(0);
    expect(trained.error).toMatch(/lstm-lm: its one epoch done/);
  });

  it('leaves nothing behind of a text that is none', async () => {
    writeFileSync('empty.txt', '\n\n');
    expect(await init('empty.txt')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/empty\.txt: no lines with words/),
    });
    writeFileSync('few.txt', 'a b\n');
    expect((await init('few.txt')).code).toBe(2);
    expect(existsSync('few.yaml')).toBe(false);
  });
});

it('says of a file that is no text why it is none', async () => {
  writeFileSync('latin.txt', Buffer.from('one caf\u00e9\ntwo\n'.repeat(20), 'latin1'));
  expect((await init('latin.txt')).error).toMatch(
    /not UTF-8: latin\.txt:1, latin\.txt:3, .*and 15 more; save the text as UTF-8/,
  );
  writeFileSync('wide.txt', Buffer.from('\ufeffone word\ntwo\n', 'utf16le'));
  expect((await init('wide.txt')).error).toMatch(/(not UTF-8|NUL bytes).*wide\.txt:1.*save the text as UTF-8/s);
  writeFileSync('packed.txt.gz', gzipSync('one word\n'.repeat(50)));
  expect(await init('packed.txt.gz')).toMatchObject({
    code: 2,
    error: expect.stringMatching(/packed\.txt\.gz:1.*; unpack the file first/),
  });
  expect(existsSync('latin.yaml') || existsSync('packed.txt.yaml')).toBe(false);
});

it('takes a first line for a sentence whose columns come again below', async () => {
  const rows = Array.from(
    { length: 40 },
    (_, i) => `${i % 2 ? 'good' : 'bad'}\t${'a longer text '.repeat(4)}${i}\tmore`,
  );
  writeFileSync('three.tsv', `good\tshort\tmore\n${rows.join('\n')}\n`);
  const { out, error } = await init('three.tsv');
  expect(error).not.toContain('sri: ');
  expect(out).toContain('41 sentences taken');
  expect(out).toMatch(/three\.tsv: text from column 2, labels from column 1/);
});

it('takes no labels where two columns without names could be', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 2}\t${'a longer text '.repeat(4)}${i}\t${i % 3}`);
  writeFileSync('two-classes.tsv', `${rows.join('\n')}\n`);
  const { out } = await init('two-classes.tsv');
  expect(out).toMatch(/two-classes\.tsv: text from column 2, no labels/);
});

it('takes a long CSV, and says where one is none', async () => {
  const rows = Array.from({ length: 130_000 }, (_, i) => `${i % 5},the text of ${i % 97}`);
  writeFileSync('long.csv', `stars,text\n${rows.join('\n')}\n`);
  expect((await init('long.csv')).out).toContain('130,000 sentences taken');
  writeFileSync('open.csv', 'stars,text\n1,"never closed\n2,more\n');
  expect(await init('open.csv')).toMatchObject({
    code: 2,
    error: expect.stringMatching(/open\.csv:\d+: no CSV: .*Quote/),
  });
});

it('takes lines that end each in its own way, and refuses more columns than there are', async () => {
  const lines = Array.from({ length: 80 }, (_, i) => `${i % 2 ? 'good' : 'bad'},the food was ${i}`);
  writeFileSync('mixed.csv', `label,text\r\n${lines.map((line, i) => `${line}${i < 50 ? '\n' : '\r\n'}`).join('')}`);
  expect((await init('mixed.csv')).out).toContain('80 sentences taken');
  writeFileSync('commas.csv', `text\n${lines.map((line) => `${line}, they said`).join('\n')}\n`);
  expect(await init('commas.csv')).toMatchObject({
    code: 2,
    error: expect.stringMatching(/commas\.csv:2: 3 columns, where the first line has 1; put a text that has a , into/),
  });
  expect(existsSync('commas.yaml')).toBe(false);
});

it('refuses columns that are not as many in every line, says which, and counts the rows that have no text', async () => {
  const row = (i: number) => `${i}\t${i % 2 ? 'good' : 'bad'}\tthe food was ${i % 9}`;
  const rows = Array.from({ length: 90 }, (_, i) => row(i));
  const write = (name: string, head: string, changed: Record<number, string>) =>
    writeFileSync(name, `${[head, ...rows.map((one, i) => changed[i] ?? one)].join('\n')}\n`);
  write('odd.tsv', 'id\tlabel\ttext', { 40: '40\tgood\tlost\tfood', 50: '50\tbad' });
  expect(await init('odd.tsv')).toMatchObject({
    code: 2,
    error: expect.stringMatching(
      /odd\.tsv:42, 52: not 3 columns, as the first line has; write a tab within a text as a space/,
    ),
  });
  // Of which a sample need not show anything.
  const many = Array.from({ length: 9000 }, (_, i) => (i === 5001 ? 'x\tgood\tlost\tfood' : row(i)));
  writeFileSync('many.tsv', `id\tlabel\ttext\n${many.join('\n')}\n`);
  expect((await init('many.tsv')).error).toMatch(/many\.tsv:5003: not 3 columns/);
  expect(existsSync('odd.yaml') || existsSync('many.yaml')).toBe(false);
  write('gaps.tsv', 'id\tlabel\ttext', { 40: '40\tgood\t', 50: '50\tbad\t ' });
  const { out, error } = await init('gaps.tsv');
  expect(error).toMatch(/warning: 2 rows of gaps\.tsv without a text left out/);
  expect(out).toContain('88 sentences taken');
  // A text's own tab is its own where a line is label<TAB>text.
  const plain = rows.map((_, i) => `${i % 2 ? 'good' : 'bad'}\tthe food was ${i % 9}${i % 7 === 0 ? '\tgood' : ''}`);
  writeFileSync('plain.tsv', `${plain.join('\n')}\n`);
  expect((await init('plain.tsv')).out).toContain('90 sentences taken');
});

it('takes held-out columns by their names, and refuses those of other names', async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `${i % 2 ? 'good' : 'bad'},the food was ${i}`);
  writeFileSync('own.csv', `label,text\n${lines.join('\n')}\n`);
  writeFileSync('other.csv', `body,mark\n${lines.map((line) => line.split(',').reverse().join(',')).join('\n')}\n`);
  expect(await init('own.csv', '--valid', 'other.csv', '--test', 'other.csv')).toMatchObject({
    code: 2,
    error: expect.stringMatching(/other\.csv: no columns text, label, as own\.csv has; its columns are body, mark/),
  });
});

it('writes its items over no file of others', async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `${i}\t${i % 2 ? 'good' : 'bad'}\tthe food was ${i}\tnote`);
  const text = `id\tlabel\ttext\tnote\n${lines.join('\n')}\n`;
  writeFileSync('data/mine-items.tsv', text);
  expect(await init('data/mine-items.tsv', '--name', 'mine')).toMatchObject({
    code: 2,
    error: expect.stringMatching(/data\/mine-items\.tsv: there is such a file, where the items are to be/),
  });
  expect(readFileSync('data/mine-items.tsv', 'utf8')).toBe(text);
  writeFileSync('again.tsv', text);
  expect((await init('again.tsv')).code).toBe(0);
  rmSync('again.yaml');
  // Its own of an earlier time are made anew.
  expect((await init('again.tsv')).code).toBe(0);
});

it('calls a data set by the letters of the file, without accents, and asks for a name where there are none', async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `the food was ${i % 9}`).join('\n');
  writeFileSync('ünï (1).txt', lines);
  expect((await init('ünï (1).txt')).out).toContain('config written to uni-1.yaml');
  writeFileSync('отзывы.txt', lines);
  expect((await init('отзывы.txt')).error).toMatch(/its name gives none for the data set; give --name/);
});

it('warns where some of the lines have a label', async () => {
  const lines = Array.from({ length: 80 }, (_, i) => `${i < 20 ? 'good\t' : ''}the food was ${i % 9}`);
  writeFileSync('half.txt', `${lines.join('\n')}\n`);
  expect((await init('half.txt')).error).toMatch(/warning: 20 lines with a tab, read as white space.*half\.txt:1/);
});

it('refuses a pipe, which can be read only once', async () => {
  execFileSync('mkfifo', ['pipe.txt']);
  const refused = { code: 2, error: expect.stringMatching(/pipe\.txt: a pipe or a device, where a file is wanted/) };
  expect(await init('pipe.txt')).toMatchObject(refused);
  expect(await sri('prepare', '--text', 'pipe.txt', '--out', 'data/piped')).toMatchObject(refused);
  expect(existsSync('data/piped')).toBe(false);
});

it('sees a header by the names that columns of labels and of texts have', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 2 ? 'good' : 'bad'}\tthe food was ${i}`);
  writeFileSync('named.tsv', `label\tcomment\n${rows.join('\n')}\n`);
  expect((await init('named.tsv')).out).toContain('40 sentences taken');
});

it('offers sizes that a text can fill, ever smaller', () => {
  for (const items of [100, 5_000, 20_000, 1_000_000]) {
    const scales = scalesFor(items);
    const cost = scales.map(({ wordVectorSize, hiddenSize, epochs }) => (wordVectorSize + hiddenSize) * epochs.lm);
    expect(cost).toEqual(cost.toSorted((a, b) => b - a));
    expect(scales.at(-1)!.epochs).toEqual({ lm: 1, sri: 1 });
  }
  expect(scalesFor(1_000_000)[0]!.hiddenSize).toBe(512);
  expect(scalesFor(100)[0]).toMatchObject({ hiddenSize: 64, epochs: { lm: 30, sri: 15 } });
});

describe('a file of columns', () => {
  const rows = Array.from({ length: 80 }, (_, i) => [`the food was ${i % 9}`, i < 40 ? 'bad' : 'good'] as const);
  const fails = async (file: string, said: RegExp, ...args: string[]) =>
    expect(await init(file, ...args)).toMatchObject({ code: 2, error: expect.stringMatching(said) });

  it('may be sorted by class, whatever its ending', async () => {
    const sorted = Array.from(
      { length: 5000 },
      (_, i) => [`the food was ${i % 9}`, i < 2500 ? 'bad' : 'good'] as const,
    );
    writeFileSync('sorted.csv', `text,label\n${sorted.map((row) => `${row.join(',')}\n`).join('')}`);
    expect((await init('sorted.csv')).out).toMatch(/text from column 1 \(text\), labels from column 2 \(label\)/);
    writeFileSync('sorted-too.txt', sorted.map((row) => `${row.join('\t')}\n`).join(''));
    expect((await init('sorted-too.txt')).out).toMatch(/text from column 1, labels from column 2/);
  });

  it('may have names for all columns but that of line numbers, and names twice', async () => {
    writeFileSync(
      'numbered.csv',
      `,tweet_body,mood\n${rows.map((row, i) => `${i},${row.join(' ')},${row[1]}\n`).join('')}`,
    );
    expect((await init('numbered.csv')).out).toMatch(/text from column 2 \(tweet_body\)/);
    writeFileSync('twice.csv', `text,text,label\n${rows.map(([text, label]) => `a,${text},${label}\n`).join('')}`);
    expect((await init('twice.csv')).out).toMatch(/text from column 2 \(text\), labels from column 3 \(label\)/);
  });

  it('with tabs between is unquoted where a spreadsheet has quoted a column', async () => {
    writeFileSync('sheet.tsv', `label\ttext\n${rows.map(([text, label]) => `${label}\t"a ""${text}"""\n`).join('')}`);
    expect((await init('sheet.tsv')).out).toMatch(/text from column 2 \(text\), labels from column 1 \(label\)/);
    expect(items('sheet')[0]).toBe('bad\ta "the food was 0"');
  });

  it('is told of by line where a label is missing, or it is no text', async () => {
    const csv = (change: (row: readonly string[], i: number) => string) =>
      `text,label\n${rows.map(change).join('\n')}\n`;
    writeFileSync(
      'lacks.csv',
      csv(([text, label], i) => `${text},${i === 40 ? '' : label}`),
    );
    await fails('lacks.csv', /lacks\.csv:42: without a label in column 2 \(label\)/);
    writeFileSync(
      'nul.csv',
      csv(([text, label], i) => `${text}${i === 4 ? '\0' : ''},${label}`),
    );
    await fails('nul.csv', /nul\.csv:6: NUL bytes/);
    // Lines are those of an editor, whatever is blank or lies within quotation marks before.
    const far = csv(([text, label], i) =>
      i === 9 ? `"${text}\r\non\nand on",${label}\r\n\n` : `${text},${i === 40 ? '' : label}`,
    );
    writeFileSync('far.csv', far);
    const lines = far.split('\n');
    await fails(
      'far.csv',
      new RegExp(`far\\.csv:${lines.findIndex((line) => line.endsWith(',')) + 1}: without a label`),
    );
    writeFileSync('mac.csv', csv((row) => row.join(',')).replaceAll('\n', '\r'));
    await fails('mac.csv', /mac\.csv: its lines end by carriage returns alone/);
  });

  it('is told of where a quotation mark that nothing closes would swallow records', async () => {
    const numbered = (cell: (text: string, i: number) => string) =>
      `text,label\n${rows.map(([text, label], i) => `${cell(text, i)},${label}`).join('\n')}\n`;
    writeFileSync(
      'stray.csv',
      numbered((text, i) => (i === 10 || i === 60 ? `"${text}` : text)),
    );
    await fails('stray.csv', /^sri: stray\.csv:12: a quotation mark opens a text of several lines/);
    writeFileSync(
      'said.csv',
      numbered((text, i) => (i === 10 ? `"${text}` : `${text} "said" he`)),
    );
    await fails('said.csv', /said\.csv:12: a quotation mark opens/);
    // Marks within a text, and texts of several lines with marks doubled, are what they are.
    writeFileSync(
      'fine.csv',
      numbered((text, i) => (i % 2 === 0 ? `"${text},\n""so"" it was"` : `${text} "said" he`)),
    );
    expect((await init('fine.csv')).code).toBe(0);
    // The message of a corpus that is gone has the command that brings it back, unless its raw files may lie here.
    for (const gone of ['data/fine', 'test.txt']) rmSync(gone, { recursive: true, force: true });
    const { error } = await sri('train', '--config', 'fine.yaml');
    const [, again] = error.match(/run 'sri (prepare --config fine\.yaml --text data\/fine-items\.tsv)'/)!;
    expect((await sri(...again!.split(' '))).code).toBe(0);
    expect(items('fine').slice(0, 2)).toEqual(['bad\tthe food was 0, "so" it was', 'bad\tthe food was 1 "said" he']);
  });

  it('may have labels alone, and is no text then', async () => {
    writeFileSync('labels.tsv', 'pos\t\nneg\t\npos\t\nneg\t\n');
    await fails('labels.tsv', /^sri: labels\.tsv: no lines with words; give a text of an item a line\n$/);
  });

  it('finds the columns of the other splits by their names', async () => {
    const write = (file: string, names: string | null, order: readonly (0 | 1)[]) =>
      writeFileSync(
        file,
        [...(names === null ? [] : [names]), ...rows.map((row) => order.map((at) => row[at]).join(','))].join('\n'),
      );
    write('one-way.csv', 'text,label', [0, 1]);
    write('other-way.csv', 'label,text', [1, 0]);
    write('nameless.csv', null, [0, 1]);
    write('unlabelled.csv', 'text', [0]);
    const splits = ['--valid', 'other-way.csv', '--test', 'nameless.csv'];
    expect((await init('one-way.csv', ...splits)).error).not.toMatch(/^sri:/m);
    expect(items('one-way-valid')[0]).toBe('bad\tthe food was 0');
    expect(items('one-way-test')).toHaveLength(80);
    writeFileSync('two-texts.csv', `text,text,label\n${rows.map(([text, label]) => `a,${text},${label}\n`).join('')}`);
    const alike = ['--valid', 'two-texts.csv', '--test', 'two-texts.csv'];
    expect((await init('two-texts.csv', ...alike)).error).not.toMatch(/^sri:/m);
    expect(items('two-texts-valid')).toEqual(items('two-texts-train'));
    await fails(
      'one-way.csv',
      /unlabelled\.csv: no column label, as one-way\.csv has; its columns are text/,
      '--name',
      'other',
      '--valid',
      'other-way.csv',
      '--test',
      'unlabelled.csv',
    );
  });

  it('leaves the items of an earlier time where it is refused', async () => {
    writeFileSync('kept.csv', `text,label\n${rows.map((row) => `${row.join(',')}\n`).join('')}`);
    await init('kept.csv');
    const before = items('kept');
    rmSync('kept.yaml');
    const training = ['--set', 'training.epochs=1', '--backend', 'cpu', '--method', 'lstm-lm'];
    await init('kept.csv');
    expect((await sri('train', '--config', 'kept.yaml', ...training)).code).toBe(0);
    rmSync('kept.yaml');
    writeFileSync('kept.csv', `text,label\n${rows.map(([text, label]) => `${text} more,${label}\n`).join('')}`);
    await fails('kept.csv', /a run depends on it .* Give this one another name with --name/);
    expect(items('kept')).toEqual(before);
  });
});
