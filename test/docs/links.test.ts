// What the documents point at is there: files by their paths, headings by their anchors.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(path.join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
  'results/README.md',
];

/** The anchors that a page's headings get: lower case, punctuation dropped, hyphens for spaces. */
function anchors(text: string): string[] {
  return text
    .replace(/^```[\s\S]*?^```/gm, '')
    .split('\n')
    .flatMap((line) => line.match(/^#+ (.*)/)?.[1] ?? [])
    .map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
}

it.each(documents)('%s', (document) => {
  const file = path.join(root, document);
  const broken: string[] = [];
  for (const [, target] of readFileSync(file, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [name, anchor] = target!.split('#');
    const aim = name === '' ? file : path.resolve(path.dirname(file), name!);
    if (!existsSync(aim) || (anchor !== undefined && !anchors(readFileSync(aim, 'utf8')).includes(anchor))) {
      broken.push(target!);
    }
  }
  expect(broken).toEqual([]);
});
