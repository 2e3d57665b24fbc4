#!/usr/bin/env node
/**
 * @file The `sensorium` program: finds the command, runs it, and turns whatever goes wrong into one message and an exit code.
 * The command line is parsed by citty; unknown options are refused here, because citty lets them pass.
 */
import { readFileSync } from 'node:fs';
import { type ArgsDef, type CommandDef, renderUsage, runCommand } from 'citty';
import { commands } from './commands.ts';
import { exitCodeOf, exitCodes, explain, UsageError } from './failure.ts';

/** Runs the program and returns its exit code. */
async function main(rawArgs: readonly string[]): Promise<number> {
  const debug = (process.env.SENSORIUM_DEBUG ?? '') !== '';
  const optionArgs = rawArgs.includes('--') ? rawArgs.slice(0, rawArgs.indexOf('--')) : rawArgs;
  try {
    const [name, ...rest] = rawArgs;
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      process.stdout.write(overview());
      return name === undefined ? exitCodes.usage : exitCodes.success;
    }
    if (name === '--version' || name === '-v') {
      process.stdout.write(`${version()}\n`);
      return exitCodes.success;
    }
    const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (entry === undefined) {
      throw new UsageError(`no command is named "${name}"; there are ${Object.keys(commands).join(', ')}`);
    }
    const command = (await entry.load()).default;
    if (optionArgs.includes('--help') || optionArgs.includes('-h')) {
      process.stdout.write(`${await renderUsage(command, { meta: { name: 'sensorium', version: version() } })}\n`);
      return exitCodes.success;
    }
    await checkOptions(name, command, rest);
    await runCommand(command, { rawArgs: rest });
    return typeof process.exitCode === 'number' ? process.exitCode : exitCodes.success;
  } catch (error) {
    process.stderr.write(`sensorium: ${explain(error, debug || optionArgs.includes('--verbose'))}\n`);
    return exitCodeOf(error);
  }
}

/** @throws UsageError for an option that the command does not have, or one that lacks its value. */
async function checkOptions(name: string, command: CommandDef, rawArgs: readonly string[]): Promise<void> {
  const args: ArgsDef = (typeof command.args === 'function' ? await command.args() : await command.args) ?? {};
  const types = new Map<string, string | undefined>();
  for (const [option, definition] of Object.entries(args)) {
    if (definition.type === 'positional') continue;
    const { alias } = definition as { alias?: string | string[] };
    for (const known of [option, ...(alias === undefined ? [] : [alias].flat())]) types.set(known, definition.type);
  }
  const positionals = Object.values(args).filter((definition) => definition.type === 'positional').length;
  let given = 0;
  for (let i = 0; i < rawArgs.length; i++) {
    const argument = rawArgs[i]!;
    if (argument === '--') break;
    if (!argument.startsWith('-') || argument === '-') {
      given += 1;
      if (given > positionals)
        throw new UsageError(`${name}: "${argument}" was not expected; put quotes around spaces`);
      continue;
    }
    const [option] = argument.replace(/^--?/, '').split('=', 1) as [string];
    const negated = option.startsWith('no-') && types.get(option.slice(3)) === 'boolean';
    if (!types.has(option) && !negated) {
      throw new UsageError(`${name}: there is no option ${argument.split('=')[0]}; see sensorium ${name} --help`);
    }
    if (negated || types.get(option) === 'boolean' || argument.includes('=')) continue;
    const value = rawArgs[i + 1];
    if (value === undefined || value.startsWith('--')) throw new UsageError(`${name}: --${option} needs a value`);
    i += 1;
  }
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { description }]) => `  ${name.padEnd(width)}  ${description}`);
  return [
    `sensorium ${version()}: train, evaluate and search across text and pictures`,
    '',
    'usage: sensorium <command> [options]',
    '',
    ...lines,
    '',
    'sensorium <command> --help tells more about a command.',
    '',
  ].join('\n');
}

/** The version in package.json, which lies two folders above both `src/cli` and `dist/cli`. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}

// A reader that closed its end (`sensorium search … | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.success);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));
