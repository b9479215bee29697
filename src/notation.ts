// How numbers are written wherever a person reads them, each kind in one way: a quantity with its error, a share, a time, a
// count of things. Files that programs read have the numbers themselves.

/** An error below this is none: it comes of rounding, not of sampling. */
const NEGLIGIBLE = 1e-9;

/** A quantity and its standard error as they are printed; `error` is empty where there is none. */
export interface WrittenQuantity {
  value: string;
  error: string;
}

/**
 * A quantity and its standard error: the error to two significant digits, more than its own error allows, and the value to
 * the decimal that the error ends in; but to no more decimals than a number's format has. An error that rounds to nothing is
 * left out, and the value is then written as one without; see {@link formatNumber}.
 * @param error null where it is not known.
 * @param most decimals of the number's format.
 */
export function roundedToError(
  value: number,
  error: number | null | undefined,
  most = Math.abs(value) < 1 ? 4 : 2,
): WrittenQuantity {
  const none = { value: formatNumber(value), error: '' };
  if (error == null || !Number.isFinite(error) || error < NEGLIGIBLE || !Number.isFinite(value)) return none;
  const rounded = Number(error.toPrecision(2));
  const decimals = Math.min(most, 1 - Math.floor(Math.log10(rounded)));
  const written = toDecimals(rounded, decimals);
  return Number(written) === 0 ? none : { value: toDecimals(value, decimals), error: written };
}

/** A number with its error in one text: `43.13 ± 0.91`. @param value null where it is no finite number. */
export function withError(value: number | null, error: number | null | undefined): string {
  if (value === null) return 'not finite';
  const written = roundedToError(value, error);
  return written.error === '' ? written.value : `${written.value} ± ${written.error}`;
}

/** Rounded to so many decimals; below zero, to tens, hundreds and so on. No zero is negative. */
function toDecimals(value: number, decimals: number): string {
  const step = 10 ** -decimals;
  const text = decimals >= 0 ? value.toFixed(Math.min(decimals, 100)) : String(Math.round(value / step) * step);
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
}

/** A number whose error is not known: about four significant digits, and no more decimals than four. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 1 ? 2 : 4;
  return toDecimals(value, digits);
}

/** A share and its standard error: `62.5 ± 4.1 %`; see {@link withError}. */
export function percentWithError(share: number, error: number): string {
  const { value, error: written } = roundedToError(100 * share, 100 * error);
  return written === '' ? percent(share) : `${value} ± ${written} %`;
}

/** `62.5 %`; a share that is not zero does not read as zero. @param share 0 to 1. */
export function percent(share: number): string {
  const value = 100 * share;
  const small = Math.abs(value) < 0.05 && value !== 0;
  return `${Number.isInteger(value) ? value : small ? value.toPrecision(1) : value.toFixed(1)} %`;
}

/** `1 draw`, `1,024 draws`. @param many where it is not the one with an s. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** `45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`;
}
