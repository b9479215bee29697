// Types of python-index.mjs, for the tests.

export interface Link {
  filename: string;
  url: string;
  sha256?: string | undefined;
}

export type Wheel = Link & { headers: Record<string, string> };

export type WheelSource = { index: string; folder?: undefined } | { folder: string };

export interface Specifier {
  operator: string;
  version: string;
}

export function pipIndexUrl(env: Record<string, string | undefined>, home: string): Promise<string>;
export function listWheels(project: string, source: WheelSource): Promise<Wheel[]>;
export function parseIndexPage(body: string, contentType: string, pageUrl: string): Link[];
/** A machine as Node names it; glibc where it is Linux. */
export interface Machine {
  platform: string;
  arch: string;
  glibc?: string | undefined;
}

export function chooseWheel<W extends { filename: string }>(
  wheels: W[],
  specifiers: Specifier[],
  machine: Machine,
  project: string,
): W & { version: string };
export function requirementsOf(metadata: string, extra: string): { project: string; specifiers: Specifier[] }[];
