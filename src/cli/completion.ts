// `sri completion`: a script by which a shell completes commands, options and their values. It is written from the commands as
// they are declared, and asks nothing of this program when a key is pressed, which would take a start of Node each time.

import { readdirSync } from 'node:fs';
import { Argument, type Command } from 'commander';
import { singleQuoted } from '../shell-words.js';
import type { Io } from './io.js';

/** What may stand at a place: one of some words, such a word or a file, a file, a folder, or anything. */
type Values = readonly string[] | { orFile: readonly string[] } | 'files' | 'folders' | 'any';

interface CompletedOption {
  /** `--table`, `--tables`. */
  flags: readonly string[];
  description: string;
  /** Null where it takes none. */
  values: Values | null;
}

interface CompletedCommand {
  name: string;
  description: string;
  options: readonly CompletedOption[];
  /** Of its arguments; `any` where it has none. */
  values: Values;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a script by which a shell completes commands, options and their values')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .usage('bash|zsh|fish')
    .addHelpText(
      'after',
      `
Examples:
  source <(sri completion bash)                                   # in ~/.bashrc
  source <(sri completion zsh)                                    # in ~/.zshrc, after compinit
  sri completion fish > ~/.config/fish/completions/sri.fish`,
    )
    .action(async (shell: Shell) => {
      const script = WRITERS[shell](await completed(program));
      io.out.write(`${script}\n`);
    });
}

async function completed(program: Command): Promise<CompletedCommand[]> {
  const [{ methods }, { metrics }, { estimators }, { CONFIG_DIRECTORY }] = await Promise.all([
    import('../methods/registry.js'),
    import('../evaluation/registry.js'),
    import('../evaluation/perplexity/registry.js'),
    import('../config/load.js'),
  ]);
  const methodNames = methods().map(({ name }) => name);
  const known: Readonly<Record<string, readonly string[]>> = {
    '--method': methodNames,
    '--methods': methodNames,
    '--metric': metrics().map(({ name }) => name),
    '--estimator': ['auto', ...estimators().map(({ name }) => name)],
  };
  const configs = { orFile: readdirSync(CONFIG_DIRECTORY).filter((name) => name.endsWith('.yaml')) };
  const ofFlags = (flags: string): Values =>
    /<(file|module)>/.test(flags) ? 'files' : flags.includes('<folder>') ? 'folders' : 'any';
  const everywhere = program.options.filter(({ long }) => long === '--plugin');
  const help = { flags: ['--help'], description: 'print this help', values: null };
  const shown = program.createHelp().visibleCommands(program);
  return shown
    .filter((command) => command.name() !== 'help')
    .map((command) => ({
      name: command.name(),
      description: command.description(),
      options: [
        ...[...command.options, ...everywhere]
          .filter(({ hidden }) => !hidden)
          .map(({ flags, description, argChoices, required, optional }): CompletedOption => {
            const names = flags.match(/--[\w-]+/g)!;
            const values = argChoices ?? names.flatMap((name) => known[name] ?? []);
            const otherwise = names.includes('--config') ? configs : ofFlags(flags);
            return { flags: names, description, values: required || optional ? nonEmpty(values, otherwise) : null };
          }),
        help,
      ],
      values: nonEmpty(command.registeredArguments[0]?.argChoices ?? [], 'files'),
    }));
}

function nonEmpty(words: readonly string[], otherwise: Values): Values {
  return words.length > 0 ? words : otherwise;
}

const HEADING = (shell: string) => `# Completions of sri for ${shell}, written by \`sri completion ${shell}\`.`;

function bash(commands: readonly CompletedCommand[]): string {
  const offer = (values: Values) => {
    // With nothing offered, readline completes files, by \`complete -o default\`.
    if (values === 'files') return 'return';
    if (values === 'folders') return `compopt -o filenames; IFS=$'\\n'; COMPREPLY=($(compgen -d -- "$cur")); return`;
    if (values === 'any') return 'compopt +o default; return';
    const words = 'orFile' in values ? values.orFile : values;
    return `COMPREPLY=($(compgen -W ${singleQuoted(words.join(' '))} -- "$cur")); return`;
  };
  const valueCases = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flags, values }) =>
      values === null
        ? []
        : [`    ${flags.map((flag) => `${singleQuoted(`${name} ${flag}`)}`).join('|')}) ${offer(values)} ;;`],
    ),
  );
  const commandCases = commands.map(({ name, options, values }) => {
    const flags = options.flatMap((option) => option.flags).join(' ');
    return `    ${name}) case "$cur" in -*) ${offer(flags.split(' '))} ;; *) ${offer(values)} ;; esac ;;`;
  });
  return `${HEADING('bash')}
_sri() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  local IFS=$' \\n'
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    ${offer([...commands.map(({ name }) => name), 'help', '--help', '--version'])}
  fi
  case "$command $prev" in
${valueCases.join('\n')}
  esac
  case "$command" in
    help) ${offer(commands.map(({ name }) => name))} ;;
${commandCases.join('\n')}
  esac
}
complete -o default -F _sri sri`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const action = (values: Values) => {
    if (values === 'files') return '_files';
    if (values === 'folders') return '_files -/';
    if (values === 'any') return ' ';
    if (!('orFile' in values)) return `(${values.join(' ')})`;
    return `{_alternative "words:word:(${values.orFile.join(' ')})" "files:file:_files"}`;
  };
  const plain = (text: string) => text.replace(/[[\]:]/g, '\\$&');
  const describe = (list: readonly CompletedCommand[]) =>
    list.map(({ name, description }) => singleQuoted(`${name}:${plain(description)}`)).join(' ');
  const cases = commands.map(({ name, options, values }) => {
    const specs = options.flatMap((option) =>
      option.flags.map((flag) =>
        singleQuoted(
          `*${flag}[${plain(option.description)}]${option.values === null ? '' : `:value:${action(option.values)}`}`,
        ),
      ),
    );
    return `    ${name}) _arguments ${[...specs, singleQuoted(`*:argument:${action(values)}`)].join(' ')} ;;`;
  });
  return `#compdef sri
${HEADING('zsh')}
_sri() {
  local -a commands
  commands=(${describe(commands)} 'help:print the help of a command')
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) _describe command commands ;;
${cases.join('\n')}
  esac
}
compdef _sri sri`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const take = (values: Values) => {
    if (values === 'files') return '-r -F';
    if (values === 'folders') return "-x -a '(__fish_complete_directories)'";
    if (values === 'any') return '-x';
    return 'orFile' in values
      ? `-r -F -a ${singleQuoted(values.orFile.join(' '))}`
      : `-x -a ${singleQuoted(values.join(' '))}`;
  };
  const lines = commands.flatMap(({ name, description, options, values }) => {
    const within = `complete -c sri -n ${singleQuoted(`__fish_seen_subcommand_from ${name}`)}`;
    return [
      `complete -c sri -n __fish_use_subcommand -a ${name} -d ${singleQuoted(description)}`,
      `${within} ${values === 'files' ? '-F' : take(values)}`,
      ...options.flatMap((option) =>
        option.flags.map((flag) => {
          const taken = option.values === null ? '' : ` ${take(option.values)}`;
          return `${within} -l ${flag.slice(2)}${taken} -d ${singleQuoted(option.description)}`;
        }),
      ),
    ];
  });
  return [HEADING('fish'), 'complete -c sri -f', ...lines].join('\n');
}

const WRITERS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = { bash, zsh, fish };
