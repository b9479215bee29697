// A data set that the program knows by name, defined: where its raw files are, what they are called, how they are written
// and how large it was published. `sri prepare`, the scripts that fetch, and the report read these definitions.
//
//     export default defineDataSet({
//       name: 'haiku',
//       title: 'Haiku, three lines as one sentence',
//       files: rawNames('haiku'),
//     });

import { requireParts } from '../definition-parts.js';
import type { PreparationSettings } from './corpus.js';
import type { SplitName } from './splits.js';

/** Where all of a set's raw files are: in one archive, or each at an address. */
export type RawSource = { archive: string } | { files: Readonly<Record<SplitName, string>> };

export interface DataSetDefinition {
  readonly kind: 'dataset';
  readonly name: string;
  /** In a line, for people. */
  readonly title: string;
  /** File names of the raw splits. */
  readonly files: Readonly<Record<SplitName, string>>;
  /** Folders, such as those of the original archives, in which the files may lie. */
  readonly folders: readonly string[];
  /** How the raw text is written; what a config need not say of it. */
  readonly format: Readonly<Pick<PreparationSettings, 'unknownToken' | 'labelColumn' | 'lowercase'>>;
  /** Sentences in the published set; null where none was published. */
  readonly published: Readonly<Record<SplitName, number>> | null;
  /** Where a person can read about the set and fetch it by hand; null where nowhere. */
  readonly page: string | null;
  /** SHA-256 of the original files, where it is known. */
  readonly sums: Readonly<Partial<Record<SplitName, string>>>;
  /** Tried in turn. */
  readonly sources: readonly RawSource[];
  /**
   * Makes the raw files in a folder that is there, of a set that needs no fetching; null where it has to be fetched.
   * @returns their paths.
   */
  readonly write: ((directory: string) => Promise<Record<SplitName, string>>) | null;
}

/** A file of each split, as a definition is checked for them. */
export const ONE_OF_EACH = { train: 'string', valid: 'string', test: 'string' } as const;

/** What a definition need not say: its folder has its name, its format is the usual one, and nobody publishes it. */
export type DataSetSpec = Pick<DataSetDefinition, 'name' | 'title' | 'files'> &
  Partial<Omit<DataSetDefinition, 'kind' | 'format'>> & { format?: Partial<DataSetDefinition['format']> };

const LABEL_COLUMNS = ['auto', 'none', 'required'] as const satisfies readonly PreparationSettings['labelColumn'][];

/**
 * A data set, whole.
 * @throws {TypeError} where a part is missing or of another type.
 */
export function defineDataSet({ format, ...spec }: DataSetSpec): DataSetDefinition {
  requireParts(
    'defineDataSet',
    { ...spec, format },
    { name: 'string', title: 'string', files: 'object' },
    {
      folders: 'texts',
      published: 'object',
      page: 'string',
      sums: 'object',
      sources: 'list',
      write: 'function',
      format: 'object',
    },
  );
  requireParts('defineDataSet: files', spec.files, ONE_OF_EACH);
  requireParts(
    'defineDataSet: format',
    format ?? {},
    {},
    { unknownToken: 'string', labelColumn: LABEL_COLUMNS, lowercase: 'boolean' },
  );
  return {
    kind: 'dataset',
    folders: [spec.name],
    published: null,
    page: null,
    sums: {},
    sources: [],
    write: null,
    ...spec,
    format: { unknownToken: '<unk>', labelColumn: 'auto', lowercase: false, ...format },
  };
}

/** `ptb.train.txt`, `ptb.valid.txt`, `ptb.test.txt`. */
export function rawNames(stem: string): Record<SplitName, string> {
  return { train: `${stem}.train.txt`, valid: `${stem}.valid.txt`, test: `${stem}.test.txt` };
}

/** The address from which Google Drive sends a shared file itself, past the page that warns of large files. */
export function driveFile(id: string): string {
  return `https://drive.usercontent.google.com/download?id=${id}&export=download&confirm=t`;
}

/** The page of a file that is shared on Google Drive. */
export function drivePage(id: string): string {
  return `https://drive.google.com/file/d/${id}/view`;
}
