// The rows of Table 1, in the paper's order. A new method is a file beside this one and a line here.

import { lstmLm } from './lstm-lm.js';
import type { Method } from './method.js';
import { sri } from './sri.js';

export const METHODS: readonly Method[] = [lstmLm, sri];
