// `sri doctor`: which backends work on this machine and how fast, or why not and what would help.

import { availableParallelism, totalmem } from 'node:os';
import type { Command } from 'commander';
import { fallbacks } from '../backends/fallbacks.js';
import type { StartedBackend } from '../backends/started.js';
import type { ChainShape } from '../experiments/chain-probe.js';
import { counted } from '../notation.js';
import { packageVersion } from '../version.js';
import { type Io, print, printJson } from './io.js';
import { parseThreads } from './options.js';

interface Finding {
  backend: string;
  works: boolean;
  /** Why it does not work, and the command that would make it; null where it does. */
  reason: string | null;
  /** What is to be known of it though it works; null where nothing is. */
  caveat: string | null;
  /** The libraries that compute, each with its version. */
  version: string | null;
  devices: readonly string[];
  instructionSets: readonly string[];
  threads: number | null;
  /** 1e9 floating-point operations a second, of f32 matrix products. */
  gflops: number | null;
  /** 1e9 floating-point operations a second, of bf16 matrix products, where there are any. */
  bf16Gflops: number | null;
  /** Of a GPU: what it is, allows and does. */
  gpu: GpuFinding | null;
}

interface GpuFinding {
  emulated: boolean;
  limits: readonly string[];
  /** One short run: its shape and its seconds. */
  chain: ChainShape;
  chainSeconds: number;
  /** Operations that ran on the processor instead, each with how often. */
  fallbacks: Record<string, number>;
}

/** The Penn Treebank's batches; an emulated GPU would take minutes for them. */
const CHAIN: ChainShape = { batch: 32, tokens: 23, hidden: 256, latent: 32, vocabulary: 10_000, steps: 20 };
const SMALL_CHAIN: ChainShape = { batch: 4, tokens: 6, hidden: 64, latent: 16, vocabulary: 500, steps: 4 };

/** What a backend that does not work has of all that. */
const NOTHING = {
  caveat: null,
  version: null,
  devices: [],
  instructionSets: [],
  threads: null,
  gflops: null,
  bf16Gflops: null,
  gpu: null,
};

export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('tell which backends work on this machine and how fast, or why not')
    .option('--threads <number>', 'threads that compute, or auto', parseThreads, 'auto')
    .option('--json', 'the findings as one JSON object')
    .addHelpText('after', '\nExamples:\n  sri doctor\n  sri doctor --threads 1 --json')
    .action(async ({ threads, json }: { threads: number | 'auto'; json?: boolean | undefined }) => {
      const { processorModel } = await import('../backends/processor.js');
      const machine = {
        sri: packageVersion(),
        node: process.version,
        processor: processorModel(),
        cores: availableParallelism(),
        memoryGiB: Math.round(totalmem() / 2 ** 30),
      };
      const findings = await examine(threads);
      const chosen = await automaticChoice(threads);
      if (json) {
        printJson(io, { event: 'doctor', ...machine, chosen, backends: findings });
        return;
      }
      print(io, `sri ${machine.sri}, Node ${machine.node}`);
      print(io, `${machine.processor}, ${counted(machine.cores, 'core')}, ${machine.memoryGiB} GiB`);
      for (const finding of findings) for (const line of describe(finding)) print(io, line);
      print(io, chosen === null ? 'No backend works.' : `--backend auto takes ${chosen}.`);
    });
}

/** What `--backend auto` takes; null where nothing works. */
async function automaticChoice(threads: number | 'auto'): Promise<string | null> {
  const { useBackend } = await import('../backends/index.js');
  return useBackend('auto', threads).then(
    ({ name }) => name,
    () => null,
  );
}

/** Every backend in turn. */
async function examine(threads: number | 'auto'): Promise<Finding[]> {
  const [{ BACKENDS, useBackend }, { measurePeak }] = await Promise.all([
    import('../backends/index.js'),
    import('../backends/peak.js'),
  ]);
  const findings: Finding[] = [];
  for (const name of BACKENDS) {
    try {
      const started = await useBackend(name, threads);
      const { version, devices, instructionSets, threads: used, caveat } = started;
      const [f32, bf16] = [measurePeak('f32')!, measurePeak('bf16')];
      const measured = { gflops: f32 / 1e9, bf16Gflops: bf16 === null ? null : bf16 / 1e9 };
      const about = { caveat, version, devices, instructionSets, threads: used };
      const gpu = name === 'webgpu' ? await examineGpu(started) : null;
      findings.push({ backend: name, works: true, reason: null, ...about, ...measured, gpu });
    } catch (error) {
      findings.push({ backend: name, works: false, reason: (error as Error).message, ...NOTHING });
    }
  }
  return findings;
}

async function examineGpu({ emulated = false, limits = [] }: StartedBackend): Promise<GpuFinding> {
  const { timeChain } = await import('../experiments/chain-probe.js');
  const chain = emulated ? SMALL_CHAIN : CHAIN;
  return { emulated, limits, chain, chainSeconds: timeChain(chain), fallbacks: fallbacks() };
}

function describeGpu({ limits, chain, chainSeconds, fallbacks: fellBack }: GpuFinding): string[] {
  const { batch, tokens, hidden, latent, vocabulary, steps } = chain;
  const done = Object.entries(fellBack).map(([kernel, times]) => `${kernel} ${counted(times, 'time')}`);
  return [
    ...limits,
    `a short run of ${counted(steps, 'step')} (B ${batch}, T ${tokens}, H ${hidden}, Z ${latent}, V ${vocabulary}) takes ` +
      `${chainSeconds.toFixed(3)} s`,
    `operations that fell back to the processor: ${done.length === 0 ? 'none' : done.join(', ')}`,
  ];
}

function describe(finding: Finding): string[] {
  const { backend, works, reason, caveat, version, devices, instructionSets, threads, gflops, bf16Gflops, gpu } =
    finding;
  const below = (line: string) => `            ${line}`;
  if (!works) return [`${backend.padEnd(12)}no`, ...reason!.split('\n').map(below)];
  const speed = (value: number) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} GFLOP/s`;
  const inBf16 = bf16Gflops === null ? '' : `, ${speed(bf16Gflops)} in bf16`;
  const on = `on ${counted(threads!, 'thread')} of ${devices.join(', ')}`;
  return [
    `${backend.padEnd(12)}yes, ${speed(gflops!)}${inBf16}, ${on}`,
    below(version!),
    ...(caveat === null ? [] : [below(caveat)]),
    ...(instructionSets.length === 0 ? [] : [below(instructionSets.join(' '))]),
    ...(gpu === null ? [] : describeGpu(gpu).map(below)),
  ];
}
