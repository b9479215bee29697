// A table in LaTeX, to be put into a paper as it is; it needs the package booktabs and no other.

import type { LayoutRow, PaperLayout, Quantity } from './paper-layout.js';

/** Columns of sentences are broken into lines of this share of the text's width. */
const TEXT_WIDTH = 0.7;
/** Characters from which a column is one of sentences. */
const TEXT_LENGTH = 30;

/** @param label as `\ref` names it. */
export function latexTable({ head, quantities, ours, published }: PaperLayout, caption: string, label: string): string {
  const heads = head.map((_, i) =>
    ours.some((row) => row.head[i]!.length > TEXT_LENGTH) ? `p{${TEXT_WIDTH}\\linewidth}` : 'l',
  );
  const line = (cells: readonly string[]) => `    ${cells.join(' & ')} \\\\`;
  const row = (row: LayoutRow, mark: string) =>
    line([...row.head.map((cell, i) => `${escapeLatex(cell)}${i === 0 ? mark : ''}`), ...row.quantities.map(quantity)]);
  return [
    '% needs \\usepackage{booktabs}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${escapeLatex(caption)}}`,
    `  \\label{${label}}`,
    `  \\begin{tabular}{${[...heads, ...quantities.map(() => 'r')].join('')}}`,
    '    \\toprule',
    line([...head, ...quantities].map(escapeLatex)),
    ...(ours.length === 0 ? [] : ['    \\midrule', ...ours.map((one) => row(one, ''))]),
    ...(published.length === 0 ? [] : ['    \\midrule', ...published.map((one) => row(one, '$^\\dagger$'))]),
    '    \\bottomrule',
    '  \\end{tabular}',
    ...(published.length === 0 ? [] : ['', '  {\\small $^\\dagger$ as published by Pang et al.\\ (2021)}']),
    '\\end{table}',
  ].join('\n');
}

function quantity(cell: Quantity | null): string {
  if (cell === null) return '--';
  const value = escapeLatex(cell.value);
  const error = cell.error === '' ? '' : ` {\\small $\\pm$ ${escapeLatex(cell.error)}}`;
  return `${cell.best ? `\\textbf{${value}}` : value}${error}`;
}

const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': "''",
  '±': '$\\pm$',
};

/** A text as it must be written to be read as itself. A minus before a number is one, and no hyphen. */
export function escapeLatex(text: string): string {
  if (/^-\d/.test(text)) return `$-$${escapeLatex(text.slice(1))}`;
  return text
    .replace(/[\\~^<>|"±]|[&%$#_{}]/g, (character) => SPECIAL[character] ?? `\\${character}`)
    .replace(/\s+/g, ' ');
}
