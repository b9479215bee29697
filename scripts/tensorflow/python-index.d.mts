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
export function chooseWheel<W extends { filename: string }>(
  wheels: W[],
  specifiers: Specifier[],
  glibc: string,
  project: string,
): W & { version: string };
export function requirementsOf(metadata: string, extra: string): { project: string; specifiers: Specifier[] }[];
