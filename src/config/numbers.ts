// The kinds of number that keys take; each key's description says so in words.

import { z } from 'zod';

export const positive = z.number().positive();
export const notNegative = z.number().min(0);
/** A whole number from 1. */
export const count = z.int().min(1);
/** A whole number from 0. */
export const wholeNumber = z.int().min(0);
