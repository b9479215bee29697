// `npm run test:package [-- --native]`: packs the program as npm would publish it, installs the archive in an empty project,
// and asks there for what an installed program must have: the library with its types, the command, its version and commit,
// and, with --native, the addon built by `sri setup`.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const native = process.argv.includes('--native');
const project = mkdtempSync(join(tmpdir(), 'sri-package-'));
const say = (text) => process.stderr.write(`test:package: ${text}\n`);

function run(command, args, cwd = project) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
}

function check(what, holds) {
  if (!holds) throw new Error(`not so: ${what}`);
  say(what);
}

/** A text whose sentences differ in length and words. */
const text = Array.from(
  { length: 200 },
  (_, i) => `the ${['cat', 'dog', 'bird'][i % 3]} sat ${'so '.repeat(i % 4)}still`,
);

const config = `
dataSet: pets
backend: BACKEND
data: { vocabularySize: 20, maxLength: 12 }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 16, epochs: 1 }
evaluation: { inferenceChains: 3 }
methods: { ae: {} }
`;

const program = `
import { decode, defineMetric, encode, evaluate, InputError, openRun, prepareCorpus, train, type Encoding } from 'sri';
import { tf, z } from 'sri/parts';

const report = await prepareCorpus({ config: 'pets.yaml', text: 'pets.txt' });
const { folder, manifest } = await train({ config: 'pets.yaml', method: 'ae', set: { 'training.epochs': 2 } });
const run = await openRun(folder);
const rows = await evaluate(run, { metrics: ['recon'] });
const { mean, latentSize }: Encoding = await encode(run, ['the cat sat still', 'the dog sat so still']);
const texts = await decode(run, mean);
run.dispose();
let refused = '';
try {
  await train({ config: 'pets.yaml', method: 'no-method' });
} catch (error) {
  if (error instanceof InputError) refused = error.message;
}
const metric: { readonly name: string } = defineMetric({ name: 'nothing', label: 'Nothing', description: 'nothing', measure: () => [] });
const found = { types: report.statistics.vocabulary, epochs: manifest.epochs, commit: manifest.commit, version: manifest.version };
const made = { rows: rows.length, codes: mean.length / latentSize, texts: texts.length, refused, metric: metric.name };
console.log(JSON.stringify({ ...found, ...made, two: tf.scalar(2).dataSync()[0], parsed: z.number().parse(2) }));
`;

try {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', project], root));
  const names = packed.files.map(({ path }) => path);
  check(
    `${packed.filename}: ${names.length} files, ${Math.round(packed.size / 1024)} KiB, no sources, tests or results`,
    !names.some((name) => /^(src|test|results|bench|build|data|runs|\.ci)\//.test(name)),
  );

  writeFileSync(join(project, 'package.json'), '{ "name": "pets", "type": "module", "private": true }\n');
  run('npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--loglevel=error',
    join(project, packed.filename),
  ]);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const said = run('npx', ['--no-install', 'sri', '--version']).trim();
  check(`npx sri --version says ${said}`, said.startsWith(`${version}, commit ${commit.slice(0, 12)}`));

  if (native) {
    run('npx', ['--no-install', 'sri', 'setup']);
    const { backends } = JSON.parse(run('npx', ['--no-install', 'sri', 'doctor', '--json']));
    check(
      'npx sri setup makes a native backend that works',
      backends.find(({ backend }) => backend === 'native').works,
    );
  }

  writeFileSync(join(project, 'pets.txt'), `${text.join('\n')}\n`);
  writeFileSync(join(project, 'pets.yaml'), config.replace('BACKEND', native ? 'native' : 'wasm'));
  writeFileSync(join(project, 'pets.mts'), program);
  const settings = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--skipLibCheck', '--types', 'node'];
  const types = ['--typeRoots', join(root, 'node_modules', '@types')];
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...settings, ...types, 'pets.mts']);
  check('a program that imports the library compiles, strictly', existsSync(join(project, 'pets.mjs')));
  const found = JSON.parse(run(process.execPath, ['pets.mjs']).trim().split('\n').at(-1));
  check(`it prepares, trains, measures, encodes and decodes: ${JSON.stringify(found)}`, found.epochs === 2);
  check('it says what was wrong', /no-method is no method/.test(found.refused));
  check(
    `its runs know ${found.version}, ${found.commit}`,
    found.version === version && found.commit.startsWith(commit),
  );
} catch (error) {
  say(`FAILED: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(project, { recursive: true, force: true });
}
