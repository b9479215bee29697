// Runs that no file need list, since they are a setting but for one number: `sri@steps-40`, `sri@annealed-temperature-0.7`,
// `fb-vae@target-4`. What a figure varies is named so.

export type VariedQuantity = 'steps' | 'temperature' | 'target' | 'beta' | 'rate';

export interface Variation {
  /** The setting that it is of; the method's first where undefined. */
  setting: string | undefined;
  quantity: VariedQuantity;
  value: number;
}

const FORMS: Readonly<Record<VariedQuantity, RegExp>> = {
  steps: /^(?:(.+)-)?steps-([1-9]\d*)$/,
  temperature: /^(?:(.+)-)?temperature-(\d+(?:\.\d+)?)$/,
  target: /^(?:(.+)-)?target-(\d+(?:\.\d+)?)$/,
  beta: /^(?:(.+)-)?beta-(\d+(?:\.\d+)?)$/,
  rate: /^(?:(.+)-)?rate-(\d+(?:\.\d+)?)$/,
};

/** @returns null for a name of another form. */
export function parseVariation(name: string): Variation | null {
  for (const quantity of Object.keys(FORMS) as VariedQuantity[]) {
    const parts = name.match(FORMS[quantity]);
    if (parts !== null) return { setting: parts[1], quantity, value: Number(parts[2]) };
  }
  return null;
}

/** Whether a run of a method may be called so: its name is that of a folder, and a part of files' names. */
export function isRunName({ name, method }: { name: string; method: string }): boolean {
  if (name === method) return true;
  return name.startsWith(`${method}@`) && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(name.slice(method.length + 1));
}

/** As runs name it, beside their setting. */
export function variationName({ quantity, value }: Omit<Variation, 'setting'>): string {
  return `${quantity}-${value}`;
}
