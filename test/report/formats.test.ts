import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TableDefinition } from '../../src/report/define-table.js';
import { TABLE_WRITERS } from '../../src/report/formats.js';
import { escapeLatex } from '../../src/report/latex.js';
import type { Table } from '../../src/report/table.js';
import { tablesOf } from '../../src/report/tables.js';
import { sri } from '../cli/in-process.js';
import { makeRun } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-formats-'));
afterAll(() => rmSync(root, { recursive: true }));

const results = path.join(root, 'results');
const report = (...options: string[]) =>
  sri('report', '--config', 'ptb.yaml', '--runs', root, '--results', results, ...options);

beforeAll(async () => {
  await makeRun(root, 'ptb', 'sri', undefined, [
    { metric: 'ppl', estimator: 'fitted', value: 97.777 },
    { metric: 'kl', estimator: 'jacobian', value: 9 },
    { metric: 'au', estimator: 'draws', value: 30, standardError: 0 },
  ]);
  await makeRun(root, 'ptb', 'lstm-lm', undefined, [{ metric: 'ppl', estimator: 'exact', value: 101.5 }]);
});

const TEXTS: Table = {
  columns: ['Method', 'Sample', 'Text', 'Seed', 'Run'],
  rows: [['SRI', 1, 'a <unk> & 100 % of $ 5_000 \\ #1 {x} ~ ^ "a" | *b*', 3, 'runs/ptb']],
};
const [textKind] = tablesOf([3]) as [TableDefinition];

/** Complains where braces or environments do not close, or a line of a tabular has another number of cells. */
function expectBalance(latex: string): void {
  const environments: string[] = [];
  let braces = 0;
  for (const [token, verb, name] of latex.matchAll(/\\(begin|end)\{(\w+)\}|\\.|[{}]/gs)) {
    if (verb === 'begin') environments.push(name!);
    else if (verb === 'end') expect(environments.pop()).toBe(name);
    else if (token === '{') braces++;
    else if (token === '}') expect(--braces).toBeGreaterThanOrEqual(0);
  }
  expect(environments).toEqual([]);
  expect(braces).toBe(0);
  const lines = latex.split('\n').filter((line) => line.endsWith('\\\\'));
  const cells = lines.map((line) => line.match(/(?<!\\)&/g)?.length ?? 0);
  expect(new Set(cells).size).toBe(1);
  expect(latex.match(/(?<!\\)[%#]/g)).toEqual(['%']);
}

const hasTex =
  spawnSync('pdflatex', ['--version']).status === 0 && spawnSync('kpsewhich', ['booktabs.sty']).status === 0;
if (!hasTex) process.stderr.write('no pdflatex with booktabs: LaTeX is checked for balance, and NOT COMPILED\n');

describe('tables in other forms', () => {
  it('write LaTeX with the best in bold, errors in small, and the paper’s rows marked', async () => {
    const { code, out, error } = await report('--format', 'latex');
    expect(code).toBe(0);
    expectBalance(out);
    expect(out).toContain('\\begin{tabular}{lrrrr}');
    expect(out).toContain('    SRI & \\textbf{97.78} {\\small $\\pm$ 0.12} & -- & 30 & 9.00');
    expect(out).toContain('    LSTM-LM & 101.50 {\\small $\\pm$ 0.12} & -- & -- & -- \\\\');
    expect(out).toContain('    SRI$^\\dagger$ & \\textbf{94.26} & \\textbf{91.14} & \\textbf{32} & 10.13 \\\\');
    expect(out).toContain('    FB-VAE$^\\dagger$ & 96.35 & 94.52 & \\textbf{32} & 8.15 \\\\');
    // What is said of the table is no part of it.
    expect(error).toContain('written to');
  });

  it('escape what LaTeX and Markdown would obey', () => {
    const latex = TABLE_WRITERS.latex(textKind, TEXTS, 'ptb');
    expectBalance(latex);
    expect(latex).toContain(
      "a \\textless{}unk\\textgreater{} \\& 100 \\% of \\$ 5\\_000 \\textbackslash{} \\#1 \\{x\\} \\textasciitilde{} \\textasciicircum{} ''a'' \\textbar{} *b*",
    );
    expect(latex).not.toContain('runs/ptb');
    expect(escapeLatex('-0.25')).toBe('$-$0.25');
    const markdown = TABLE_WRITERS.markdown(textKind, TEXTS, 'ptb');
    expect(markdown.trimEnd().split('\n').at(-1)).toBe(
      '| SRI | 1 | a \\<unk\\> & 100 % of $ 5\\_000 \\\\ #1 {x} \\~ ^ "a" \\| \\*b\\* |',
    );
  });

  it.skipIf(!hasTex)('compile', async () => {
    const { out } = await report('--format', 'latex');
    const file = path.join(root, 'document.tex');
    const body = [out, TABLE_WRITERS.latex(textKind, TEXTS, 'ptb')].join('\n');
    writeFileSync(file, `\\documentclass{article}\\usepackage{booktabs}\\begin{document}${body}\\end{document}\n`);
    execFileSync('pdflatex', ['-interaction=nonstopmode', '-halt-on-error', '-output-directory', root, file]);
  });

  it('write Markdown with a line a row', async () => {
    const { out } = await report('--format', 'markdown');
    const lines = out.split('\n').filter((line) => line.startsWith('|'));
    expect(lines.slice(0, 2)).toEqual(['| Method | PPL | Recon | AU | KL |', '| --- | ---: | ---: | ---: | ---: |']);
    expect(lines).toContain('| SRI | **97.78** ± 0.12 | - | 30 | 9.00 ± 0.12 |');
    expect(lines).toContain('| LSTM-LM (as published) | 100.47 | - | - | - |');
  });

  it('leave out what no run was measured for, where the paper has no such table', () => {
    const table: Table = {
      columns: ['Method', 'PPL', 'Recon', 'PPL standard error', 'Recon standard error'],
      rows: [['SRI', '', '30.20', '', 4.1]],
    };
    const [kind] = tablesOf([1]) as [TableDefinition];
    expect(TABLE_WRITERS.markdown(kind, table, 'mine')).toContain('| Method | Recon |\n| --- | ---: |\n| SRI | ');
  });

  it('write CSV as the file has it, and JSON an object a table', async () => {
    const csv = await report('--format', 'csv');
    expect(csv.out).toBe(readFileSync(path.join(results, 'ptb', 'table1.csv'), 'utf8'));
    const json = await report('--format', 'json');
    const [table, ...rest] = json.out.trim().split('\n');
    expect(rest).toEqual([]);
    expect(JSON.parse(table!).rows.map((row: Record<string, unknown>) => row.PPL)).toContain('97.78');
  });

  it('refuse a form that there is not', async () => {
    const { code, error } = await report('--format', 'word');
    expect(code).toBe(2);
    expect(error).toContain('Allowed choices are table, csv, markdown, latex, json');
  });
});

describe('figures that are asked for', () => {
  const drawn = path.join(root, 'drawn');
  const figure = path.join(drawn, 'tables', 'ptb', 'frontier.svg');
  const report = (...options: string[]) =>
    sri('report', '--config', 'ptb.yaml', '--runs', drawn, '--results', path.join(drawn, 'tables'), ...options);

  beforeAll(async () => {
    for (const [i, temperature] of ['0.5', '0.7'].entries()) {
      await makeRun(drawn, 'ptb', 'sri', `temperature-${temperature}`, [
        { metric: 'ppl', estimator: 'fitted', value: 97 + i },
        { metric: 'kl', estimator: 'jacobian', value: 9 - i },
      ]);
    }
  });

  it('are drawn, and the place of each is said, without a table that was not asked for', async () => {
    const { code, out, error } = await report('--figures', 'frontier');
    expect(code, error).toBe(0);
    expect(out.split('\n')[0]).toBe(`Perplexity against KL: ${figure}`);
    expect(out).not.toContain('Method');
    expect(readFileSync(figure, 'utf8')).toMatch(/^<svg [\s\S]*Perplexity against KL/);

    const both = await report('--figures', 'frontier', '--table', '1', '--format', 'csv');
    expect(both.out).toBe(readFileSync(path.join(drawn, 'tables', 'ptb', 'table1.csv'), 'utf8'));
    expect(both.error).toContain(`Perplexity against KL: ${figure}\n`);

    const { out: json } = await report('--figures', 'frontier', '--json');
    const [first, second] = json
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toEqual({ event: 'figure', figure: 'frontier', dataSet: 'ptb', files: [figure] });
    expect(second).toMatchObject({ event: 'written', missing: [] });
  });

  it('are missed where there is nothing to draw, but with --all', async () => {
    const missed = await report('--figures', '1');
    expect([missed.code, missed.error]).toEqual([
      2,
      expect.stringMatching(/Figure 1: .*: nothing was measured on the test split yet; see sri reproduce --figures 1/),
    ]);
    // Runs that left no curve, so that there is no picture of one.
    const curves = await report('--figures', 'training-curves');
    expect([curves.code, curves.error]).toEqual([2, expect.stringContaining('The curves of training: nothing')]);
    const all = await report('--all');
    expect(all.code, all.error).toBe(0);
    expect(all.out).toMatch(/^Figure 1: .*: nothing measured on the test split$/m);
    const unknown = await report('--figures', 'frontir');
    expect([unknown.code, unknown.error]).toEqual([
      2,
      expect.stringContaining('no such figure as frontir; did you mean frontier? '),
    ]);
  });
});
