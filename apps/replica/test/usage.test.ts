import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { ProcessReporter } from '../src/logging/process-reporter.ts';
import { buildProgram } from '../src/program.ts';
import { withHint, withoutValues } from '../src/usage/hints.ts';
import { wrapped } from '../src/usage/wrap.ts';
import { Daemon, freshDirectory } from './daemon.ts';
import { forebay, printedInto, printedToFull } from './rdb/run.ts';

const run = promisify(execFile);
const BIN = fileURLToPath(new URL('../bin/', import.meta.url));

/** What is printed of a usage error of commander's. */
const printedOf = (flag: string, command: string) =>
  withoutValues(withHint(`error: unknown option '${flag}'\n(Did you mean --x?)\n`, command));

describe('a flag of redis-cli or of redis-server', () => {
  const flags: [command: string, flag: string, says: RegExp][] = [
    ['replica', '-h', /--help shows the help; give the primary as --replicaof HOST PORT/],
    ['replica', '--host', /give the primary as --replicaof HOST PORT/],
    ['replica', '--slaveof', /give the primary as --replicaof HOST PORT/],
    ['replica', '-a', /give the password as --masterauth, or in FOREBAY_MASTERAUTH/],
    ['replica', '-ahunter2', /give the password as --masterauth, or in FOREBAY_MASTERAUTH/],
    ['replica', '--password=hunter2', /give the password as --masterauth/],
    ['replica', '--user', /give the user as --masteruser/],
    ['doctor', '-h', /--help shows the help; .* argument: forebay doctor HOST PORT/],
    ['dump', '--host', /argument: forebay dump HOST PORT/],
    ['tail', '-p', /argument: forebay tail HOST PORT/],
    ['check', '-h', /--help shows the help$/],
  ];

  it.each(flags)('forebay %s %s is answered with the flag to use, without its value', (...test) => {
    const [command, flag, says] = test;
    const printed = printedOf(flag, command).trim();
    expect(printed).toMatch(says);
    expect(printed.split('\n')).toHaveLength(1);
    expect(printed).not.toMatch(/hunter2/);
  });

  it('that is unknown gets no hint', () => {
    expect(printedOf('--zzz=hunter2', 'replica')).toMatch(/^error: unknown option '--zzz'\n\(Did/);
  });

  it.each([
    [['replica', '-ahunter2'], /^error: unknown option '-a': give the password as --masterauth/],
    [['status', '--http', 'http://:hunter2#@h'], /argument 'http:\/\/:\*{3}@h' is invalid/],
    [
      ['replica', '--tls=hunter2'],
      /^error: unknown option '--tls'; a yes\/no setting takes no value: give --NAME/,
    ],
    [
      ['replica', '--tls', 'hunter2'],
      /got 1; a yes\/no setting takes no value: give --NAME or --no-NAME$/m,
    ],
    [['rdb', 'keys', '-h'], /^error: unknown option '-h': --help shows the help$/m],
  ])('is answered by the program: %j', async (args, says) => {
    const daemon = Daemon.start(args);
    expect(await daemon.exited).toBe(64);
    expect(daemon.printed).toMatch(says);
    expect(daemon.printed).not.toMatch(/hunter2/);
  });
});

/** A command and all its subcommands. */
function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

describe('the help', () => {
  it('of every command has no line of more than 80 columns that could be broken', async () => {
    const { columns } = process.stdout;
    process.stdout.columns = 80;
    try {
      let text = '';
      const program = await buildProgram(new ProcessReporter(process.stderr), [], (part) => {
        text += part;
      });
      const commands = withSubcommands(program);
      expect(commands.length).toBeGreaterThan(15);
      for (const command of commands) {
        command.configureOutput({ getOutHelpWidth: () => 80 }).outputHelp();
      }
      expect(text.match(/^Usage: /gm)).toHaveLength(commands.length);
      const isLong = (line: string) => line.length > 80 && line.trim().includes(' ');
      expect(text.split('\n').filter(isLong)).toEqual([]);
    } finally {
      process.stdout.columns = columns;
    }
  });

  it('is printed completely on standard output, with exit code 0', async () => {
    const { code, stdout, stderr } = await forebay(['replica', '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.toString()).toMatch(
      /^Usage: forebay replica .*file that a setting or a variable names\.\n$/s,
    );
  });

  it('keeps lists and examples, and wraps prose', () => {
    const text =
      '\nOne two three four\nfive six.\n\n  forebay x\n\nList:\n  a b  one two three four\n';
    expect(wrapped(text, 14)).toBe(
      '\nOne two three\nfour five six.\n\n  forebay x\n\nList:\n  a b  one two\n       three\n       four\n',
    );
    expect(wrapped(text, 80)).toBe(text);
  });
});

describe('text for standard output', () => {
  it.each([
    [['replica', '--help']],
    [['--help']],
    [['--version']],
    [['completion', 'bash']],
    [['replica', '--replicaof', '127.0.0.1 1', '--dir', 'x', '--print-config']],
  ])('ends quietly if its output is closed (EPIPE): %j', async (args) => {
    expect(await printedInto(args, 'true')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('on a full disk ends with an error in one line', async () => {
    const { code, stderr } = await printedToFull(['replica', '--help']);
    expect(code).toBe(74);
    expect(stderr).toMatch(/^\S+ standard output cannot be written to: ENOSPC\n$/);
  });
});

it('a clone that is not built says in one line how to build it', async () => {
  const clone = await freshDirectory();
  await mkdir(join(clone, 'apps/replica/src'), { recursive: true });
  await cp(BIN, join(clone, 'apps/replica/bin'), { recursive: true });
  const started = run(process.execPath, [join(clone, 'apps/replica/bin/forebay.js'), '--help']);
  await expect(started).rejects.toMatchObject({
    code: 1,
    stderr: `forebay is not built: run npm start in ${clone}/, which installs and builds it\n`,
  });
});
