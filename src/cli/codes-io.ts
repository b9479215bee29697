// Vectors as files: NumPy's format, safetensors, or CSV. What is written here is read here, and by Python.

import { InputError } from '../errors.js';
import type { Encoding } from '../experiments/encode.js';
import type { CsvLine } from '../storage/csv.js';
import type { Input } from './input.js';
import { textOf } from './input.js';
import type { VectorFormat } from './vector-formats.js';

/**
 * An encoding as a file: `npy` has the means alone, `[sentences, latentSize]`; `safetensors` the arrays `mean` and
 * `standardDeviation`; `csv` the columns z0 .., then sd0 .., then the text.
 */
export async function encodeVectors(encoding: Encoding, format: VectorFormat): Promise<Uint8Array[]> {
  const { latentSize, mean, standardDeviation, texts } = encoding;
  const shape = [texts.length, latentSize];
  switch (format) {
    case 'npy':
      return (await import('../storage/npy.js')).encodeNpy({ shape, data: mean });
    case 'safetensors': {
      const { encodeSafetensors } = await import('../storage/safetensors.js');
      const tensors = new Map(
        Object.entries({ mean, standardDeviation }).map(([name, data]) => [name, { shape, data }]),
      );
      return encodeSafetensors(tensors);
    }
    case 'csv': {
      const { csvText } = await import('../storage/csv.js');
      const columns = (name: string) => Array.from({ length: latentSize }, (_, d) => `${name}${d}`);
      // Nine digits give every number of single precision back as it was.
      const numbers = (values: Float32Array, row: number) =>
        Array.from(values.subarray(row * latentSize, (row + 1) * latentSize), (value) => Number(value.toPrecision(9)));
      const rows = texts.map((text, i) => [...numbers(mean, i), ...numbers(standardDeviation, i), text]);
      return [new TextEncoder().encode(csvText([[...columns('z'), ...columns('sd'), 'text'], ...rows]))];
    }
  }
}

/** Vectors that were read, row-major. */
export interface Vectors {
  data: Float32Array;
  /** Numbers of each. */
  size: number;
}

/**
 * Vectors in whichever of the formats the bytes are: a matrix of .npy, the tensor `mean` (or the only one) of safetensors, or
 * CSV, whose columns z0 .. come first; without a line of names all columns are the vector's.
 * @throws {InputError} where they are none of these, or hold no vector.
 */
export async function decodeVectors(input: Input): Promise<Vectors> {
  const { bytes, source } = input;
  const { decodeNpy, isNpy } = await import('../storage/npy.js');
  if (isNpy(bytes)) return matrix(decodeNpy(bytes, source), source);
  // Of safetensors the ninth byte opens a JSON object, and a length stands before it that a text has not.
  if (bytes[8] === 0x7b && bytes.subarray(2, 8).every((byte) => byte === 0)) {
    const { decodeSafetensors } = await import('../storage/safetensors.js');
    const { tensors } = decodeSafetensors(bytes, source);
    const tensor = tensors.get('mean') ?? (tensors.size === 1 ? [...tensors.values()][0] : undefined);
    if (tensor === undefined) {
      throw new InputError(`${source}: no tensor \`mean\` among ${[...tensors.keys()].join(', ')}; give it that name`);
    }
    return matrix({ shape: tensor.shape, data: Float32Array.from(tensor.data) }, source);
  }
  return parseCsv(await csvLines(input), source);
}

/** One vector may come without a dimension for their number. */
function matrix({ shape, data }: { shape: number[]; data: Float32Array }, source: string): Vectors {
  const size = shape.at(-1) ?? 0;
  if (shape.length < 1 || shape.length > 2 || data.length === 0) {
    throw new InputError(`${source}: an array of shape [${shape}], where [vectors, numbers of each] is wanted`);
  }
  return { data, size };
}

/** @throws {InputError} for text that is not UTF-8, or no CSV. */
async function csvLines(input: Input): Promise<CsvLine[]> {
  const { readCsv } = await import('../storage/csv.js');
  return readCsv(textOf(input), input.source);
}

function parseCsv(lines: readonly CsvLine[], source: string): Vectors {
  const first = lines[0]?.cells ?? [];
  const named = first[0] === 'z0';
  const others = named ? first.findIndex((name, d) => name !== `z${d}`) : -1;
  const size = others === -1 ? first.length : others;
  const rows = named ? lines.slice(1) : lines;
  if (rows.length === 0)
    throw new InputError(`${source}: no vectors; give one a line, its numbers with commas between`);
  const data = new Float32Array(rows.length * size);
  rows.forEach(({ cells, line }, i) => {
    if (cells.length < size || (!named && cells.length > size)) {
      throw new InputError(`${source}:${line}: ${cells.length} numbers, where the first line has ${size}`);
    }
    for (let d = 0; d < size; d++) {
      const cell = cells[d]!.trim();
      const value = cell === '' ? Number.NaN : Number(cell);
      if (!Number.isFinite(value)) throw new InputError(`${source}:${line}: ${cell || 'an empty cell'} is no number`);
      data[i * size + d] = value;
    }
  });
  return { data, size };
}
