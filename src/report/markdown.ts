// A table in Markdown, as GitHub and most notebooks show it.

import type { LayoutRow, PaperLayout, Quantity } from './paper-layout.js';

export function markdownTable({ head, quantities, ours, published }: PaperLayout): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const row = (row: LayoutRow, mark: string) =>
    line([
      ...row.head.map((cell, i) => `${escapeMarkdown(cell)}${i === 0 ? mark : ''}`),
      ...row.quantities.map(quantity),
    ]);
  return [
    line([...head, ...quantities].map(escapeMarkdown)),
    line([...head.map(() => '---'), ...quantities.map(() => '---:')]),
    ...ours.map((one) => row(one, '')),
    ...published.map((one) => row(one, ' (as published)')),
  ].join('\n');
}

function quantity(cell: Quantity | null): string {
  if (cell === null) return '-';
  return `${cell.best ? `**${cell.value}**` : cell.value}${cell.error === '' ? '' : ` ± ${cell.error}`}`;
}

/** A text as it must be written to be read as itself in a cell. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_[\]<>|~]/g, '\\$&').replace(/\s+/g, ' ');
}
