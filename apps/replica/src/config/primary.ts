import type { Address, TlsOptions } from '@forebay/replica';
import { describeEndpoint, parseAddress, ReplicaError } from '@forebay/replica';
import type { ExitCode } from '../exit.ts';
import { EXIT, ExitError } from '../exit.ts';
import { learnSecretOf } from '../logging/secrets.ts';
import type { Candidate, Candidates } from './candidate.ts';
import { addresses, isUrl } from './forms.ts';
import { checkPem } from './pem.ts';
import type { Resolved } from './resolve.ts';
import { codeFor } from './resolve.ts';
import type { ConnectionName, Values } from './settings.ts';

/** Settings of which those of a connection, at least, are there. */
type ConnectionSettings = Resolved<ConnectionName>;

/**
 * Whom to follow, by `replicaof` and the file of `replicaof-file` as it is now.
 *
 * @throws {ExitError} usage, or configuration where a file or a variable is at fault
 */
export function candidatesOf(settings: Resolved): Candidates {
  const { values, given } = settings;
  const typed = given.get('replicaof');
  const candidates = [
    ...(values.replicaof ?? []).map((address) =>
      candidateAt(address, typed?.place ?? '--replicaof', codeFor(typed), settings),
    ),
    ...listed(settings).map((address) =>
      candidateAt(address, '--replicaof-file', EXIT.configuration, settings),
    ),
  ];
  const [first, ...others] = candidates;
  if (first !== undefined) return [first, ...others];
  throw new ExitError(EXIT.usage, 'name the primary: --replicaof HOST PORT, or --replicaof-file');
}

/**
 * The one server that an argument names, or two: `HOST PORT`, `HOST:PORT` or a URL.
 *
 * @throws {ExitError} usage, or configuration where a file or a variable is at fault
 */
export function primaryOf(
  words: readonly string[],
  settings: ConnectionSettings,
): { candidate: Candidate; tls: TlsOptions } {
  // Registers passwords before an error can print them.
  for (const word of words) learnSecretOf(word);
  const found = addressesOf(words.join(' '));
  const [address] = found;
  if (address === undefined || found.length > 1) {
    throw new ExitError(EXIT.usage, 'give one address: HOST PORT, HOST:PORT, or a URL');
  }
  const candidate = candidateAt(address, 'the address', EXIT.usage, settings);
  return { candidate, tls: tlsOf(settings, [candidate]) };
}

function addressesOf(text: string): readonly string[] {
  try {
    return addresses.parse(text);
  } catch (error) {
    throw new ExitError(EXIT.usage, `the address: ${(error as Error).message}`, error);
  }
}

/** @throws {ExitError} usage, or configuration where a file or a variable is at fault */
export function tlsOf(
  { values, given, files }: ConnectionSettings,
  candidates: readonly Candidate[],
): TlsOptions {
  const { cacert, cert, key, sni, insecure } = values;
  const names = ['cacert', 'cert', 'key', 'sni', 'insecure'] as const;
  const needing = names.filter((name) => values[name] !== undefined && values[name] !== false);
  const secure = candidates.some(({ endpoint }) => endpoint.kind === 'tls');
  const [unneeded] = needing;
  // Without a candidate that much is said already.
  if (unneeded !== undefined && candidates.length > 0 && !secure) {
    throw new ExitError(
      codeFor(given.get(unneeded)),
      '--cacert, --cert, --key, --sni and --insecure need --tls',
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    const one = given.get(cert === undefined ? 'key' : 'cert');
    throw new ExitError(codeFor(one), '--cert and --key go together');
  }
  const options: TlsOptions = {
    ...(cacert === undefined ? {} : { ca: files.read('cacert', cacert) }),
    ...(cert === undefined ? {} : { cert: files.read('cert', cert) }),
    ...(key === undefined ? {} : { key: files.read('key', key) }),
    ...(sni === undefined ? {} : { servername: sni }),
    ...(insecure ? { rejectUnauthorized: false } : {}),
  };
  checkPem(options);
  return options;
}

/** A server and who we are to it as `replicaof` has both, beside the settings that say the rest. */
export function addressTextOf(
  { endpoint, username, password }: Candidate,
  { tls, masteruser, masterauth }: Values<ConnectionName>,
): string {
  if (endpoint.kind === 'unix') return `unix://${endpoint.path}`;
  const { kind, host, port } = endpoint;
  const isKnown = username === (masteruser || undefined) && password === (masterauth || undefined);
  if (isKnown && (kind === 'tls') === tls) return `${host} ${port}`;
  const who = [username ?? '', password ?? ''].map(encodeURIComponent).join(':');
  return `${kind === 'tls' ? 'rediss' : 'redis'}://${isKnown ? '' : `${who}@`}${describeEndpoint(endpoint)}`;
}

/** An address a line, with comments after a `#` that begins a word. */
function listed({ values, files }: Resolved): readonly string[] {
  const { 'replicaof-file': path } = values;
  if (path === undefined) return [];
  const text = files.read('replicaof-file', path).replace(/(^|\s)#.*$/gm, '');
  try {
    return addresses.parse(text);
  } catch (error) {
    throw new ExitError(EXIT.configuration, `${path}: ${(error as Error).message}`, error);
  }
}

/** A password that was typed goes before the one of an address, and that before any other. */
function candidateAt(
  text: string,
  place: string,
  code: ExitCode,
  { values, given }: ConnectionSettings,
): Candidate {
  learnSecretOf(text);
  const endpoint = addressOf(text, values.tls, place, code);
  const isTyped = (name: ConnectionName): boolean => given.get(name)?.kind === 'flag';
  const { masterauth = '', masteruser = '' } = values;
  const password = isTyped('masterauth')
    ? masterauth
    : (endpoint.password ?? (masterauth || undefined));
  const username = isTyped('masteruser')
    ? masteruser
    : (endpoint.username ?? (masteruser || undefined));
  if (username === undefined || password !== undefined) {
    const isOfSetting = isTyped('masterauth') || endpoint.password === undefined;
    const passwordFile = isOfSetting ? given.get('masterauth')?.file : undefined;
    return { endpoint, username, password, passwordFile };
  }
  throw new ExitError(
    codeFor(given.get('masteruser')),
    '--masteruser needs a password: --masterauth, or FOREBAY_MASTERAUTH',
  );
}

function addressOf(text: string, secure: boolean, place: string, code: ExitCode): Address {
  const [host = '', port = ''] = text.split(' ');
  const bracketed = host.includes(':') ? `[${host}]` : host;
  try {
    const address = parseAddress(isUrl(text) ? text : `redis://${bracketed}:${port}`);
    if (secure && address.kind === 'tcp') return { ...address, kind: 'tls' };
    return address;
  } catch (error) {
    if (!(error instanceof ReplicaError)) throw error;
    throw new ExitError(code, `${place} cannot be used: ${error.message}`);
  }
}
