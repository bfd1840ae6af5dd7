import { withoutPasswords } from '../logging/secrets.ts';

/** Commands that take the address of a server as an argument. */
const TAKES_ADDRESS = ['doctor', 'dump', 'tail'];

const PASSWORD = 'give the password as --masterauth, or in FOREBAY_MASTERAUTH';

/** Flags of `redis-cli`, `redis-server` and other clients, and the forebay flag for each. */
const HINTS: readonly [flags: readonly string[], hint: (address: string) => string][] = [
  [['-h'], (address) => `--help shows the help; ${address}`],
  [
    [
      '--host',
      '--hostname',
      '-p',
      '-u',
      '--uri',
      '--url',
      '--slaveof',
      '--primaryof',
      '--master',
      '--primary',
      '--upstream',
      '--from',
    ],
    (address) => address,
  ],
  [['-s', '--socket', '--unixsocket'], (address) => `${address}; for a unix socket unix:///path`],
  [['-a', '--pass', '--password', '--auth', '--primaryauth'], () => PASSWORD],
  [['--user', '--username', '--primaryuser'], () => 'give the user as --masteruser'],
  [['--daemonize'], () => 'forebay stays in the foreground: run it as a service'],
];

const NO_VALUE = 'a yes/no setting takes no value: give --NAME or --no-NAME';
const OTHER_GUESS = /unknown option '(--[\w-]+)=.*\(Did you mean (?!\1\?)/s;

/** The text of a usage error, with a hint in the place of a guess. */
export function withHint(text: string, command: string): string {
  const [line = ''] = text.split('\n');
  const [, flag] = /unknown option '(--[\w-]+|-\w)/.exec(text) ?? [];
  const hint = flag === undefined ? undefined : hintFor(flag, command);
  if (hint !== undefined) return `${line}: ${hint}\n`;
  // Commander says of neither that a flag takes no value.
  const isValued = /too many arguments|unknown option '--[\w-]+=/.test(line);
  const isGuessed = OTHER_GUESS.test(text);
  return command === 'replica' && isValued && !isGuessed
    ? `${line.replace(/\.$/, '')}; ${NO_VALUE}\n`
    : text;
}

/** The text without what a mistyped flag carries, which may be a password, and without passwords in URLs. */
export function withoutValues(text: string): string {
  const flagsAlone = text.replace(/(--[\w-]+)=[^']*/g, '$1').replace(/'(-\w)[^-'][^']*'/g, "'$1'");
  return withoutPasswords(flagsAlone);
}

/**
 * What to type in place of a flag that a command does not have; undefined where that is not known. `command` is
 * the name of the command, such as `replica`.
 */
function hintFor(flag: string, command: string): string | undefined {
  const [, hint] = HINTS.find(([flags]) => flags.includes(flag)) ?? [];
  if (command === 'replica') return hint?.('give the primary as --replicaof HOST PORT');
  if (TAKES_ADDRESS.includes(command)) {
    return hint?.(`give the server as an argument: forebay ${command} HOST PORT`);
  }
  return flag === '-h' ? '--help shows the help' : undefined;
}
