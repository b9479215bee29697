// Headless Chromium for the tests of the page: Debian's, or whichever is installed.

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Null where there is none. */
export const chromiumFile = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place)) ?? null;

if (chromiumFile === null) {
  process.stderr.write(
    '\nNo Chromium is found: the tests of the page in a browser DO NOT RUN (apt-get install chromium)\n\n',
  );
}

/** @throws {Error} where there is none. */
export function openBrowser(): Promise<Browser> {
  if (chromiumFile === null) throw new Error('there is no Chromium');
  // Without a sandbox, since a container's root has none; the pages are our own.
  return chromium.launch({ executablePath: chromiumFile, args: ['--no-sandbox', '--disable-gpu'] });
}
