import { expect, it } from 'vitest';
import { cut, shown } from '../src/text.js';

it('shows what a terminal would obey', () => {
  expect(shown('a\x1b[31mred\x07 \x9b2J\r\u202eb\x7f')).toBe('a\\x1b[31mred\\x07 \\x9b2J\\x0d\\u202eb\\x7f');
  expect(shown('two\tlines\nof Chinese: 你好, and ± 0.5')).toBe('two\tlines\nof Chinese: 你好, and ± 0.5');
});

it('cuts the middle out of what is long, and never a character in two', () => {
  expect(cut('short')).toBe('short');
  expect(cut(`${'a'.repeat(1e6)}z`)).toBe(`${'a'.repeat(60)}[...]${'a'.repeat(19)}z`);
  expect(cut('😀'.repeat(100), 8)).toBe('😀😀😀😀😀😀[...]😀😀');
  expect(cut('two\nlines')).toBe('two lines');
});
