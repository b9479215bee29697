// A trained run as a folder to hand on: the weights that are evaluated, what they are and were measured as, the vocabulary, and
// a card that says so in words. It is a run folder itself, so every command takes it by --run.

import { existsSync } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { checkCorpus } from '../data/corpus-files.js';
import { InputError } from '../errors.js';
import { withError } from '../notation.js';
import { isOfSelected, type MeasuredRun, readRun } from '../runs/measured-run.js';
import type { RunFolder } from '../runs/run-folder.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { makeFolder } from '../storage/folder.js';

/**
 * Copies what is needed of a run into a folder, which must be new or empty.
 * @returns names of the files, in it.
 * @throws {InputError} where there is no such run or corpus, the corpus is another, or the folder has something in it.
 */
export async function exportRun(folder: RunFolder, out: string): Promise<string[]> {
  const measured = readRun(folder);
  const { run, manifest } = measured;
  const weights = folder.weights(run.training.select);
  if (!existsSync(weights)) throw new InputError(`${weights}: no such weights; train the run to the end of an epoch`);
  if (existsSync(out) && (await readdir(out)).length > 0) {
    throw new InputError(`--out ${out}: there is something in this folder; name a new one`);
  }
  if ((await checkCorpus(run.data.directory)).hash !== manifest.dataHash) {
    throw new InputError(
      `${run.data.directory} is not the corpus that ${folder.directory} learned from; prepare that again`,
    );
  }
  makeFolder(out);
  await folder.copyRecord(out);
  await copyFile(weights, path.join(out, path.basename(weights)));
  await copyFile(path.join(run.data.directory, 'vocabulary.txt'), path.join(out, 'vocabulary.txt'));
  await writeFileAtomic(path.join(out, 'README.md'), card(measured, path.basename(weights)));
  return (await readdir(out)).sort();
}

/** What the model is and was measured as, in Markdown. */
function card({ run, manifest, rows }: MeasuredRun, weights: string): string {
  const measured = rows
    .filter((row) => isOfSelected(row, manifest))
    .map(({ metric, variant, estimator, split, value, standardError, sentences }) => {
      const name = variant === undefined ? metric : `${metric} ${variant}`;
      return `| ${name} | ${withError(value, standardError)} | ${estimator} | ${split} | ${sentences} |`;
    });
  const { model } = run;
  const lines = [
    `# ${run.name} on ${run.dataSet}, seed ${run.seed}`,
    '',
    `A ${model.decoder} decoder (E ${model.wordVectorSize}, H ${model.hiddenSize}, Z ${model.latentSize}), ` +
      `${manifest.parameters.toLocaleString('en-US')} parameters, trained by \`${run.method}\`` +
      `${run.setting === null ? '' : ` in its setting \`${run.setting}\``} for ${manifest.epochs} epochs on ` +
      `${manifest.sentences.train.toLocaleString('en-US')} sentences. The weights are those after epoch ` +
      `${manifest.selectedEpoch}.`,
    ...(manifest.verdict === null
      ? []
      : ['', `Use of the code: ${manifest.verdict.collapse}: ${manifest.verdict.reason}.`]),
    '',
    ...(measured.length === 0
      ? ['Nothing was measured of it.']
      : ['| quantity | value | by | split | sentences |', '|---|---|---|---|---|', ...measured]),
    '',
    '| file | what it is |',
    '|---|---|',
    `| \`${weights}\` | weights, safetensors |`,
    '| `config.json` | every setting |',
    '| `manifest.json` | versions, backend, sums, wall time |',
    '| `vocabulary.txt` | a word a line, in the order of their ids |',
    '| `rows/` | what was measured, and of each sentence |',
    '',
    'Every `sri` command takes this folder: `sri eval --run DIR`. It looks for the prepared corpus, of content hash ' +
      `\`${manifest.dataHash.slice(0, 16)}\`, in \`${run.data.directory}\`; elsewhere it is named by \`--set data.directory=FOLDER\`.`,
    '',
    `Made by sri ${manifest.version}${manifest.commit === null ? '' : `, commit ${manifest.commit}`}.`,
    '',
  ];
  return lines.join('\n');
}
