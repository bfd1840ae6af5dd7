import type { SyncPolicy } from '@forebay/log';
import { LOG_FORMATS, LOG_LEVELS } from '../logging/process-reporter.ts';
import type { Form } from './forms.ts';
import {
  addresses,
  count,
  diskLimit,
  httpAddress,
  listeningPort,
  oneOf,
  percent,
  port,
  retain,
  seconds,
  secondsOrNever,
  serverVersion,
  size,
  text,
  time,
  words,
  yesNo,
} from './forms.ts';

/** Whether clients need a certificate. */
export type ClientCertificates = 'yes' | 'no' | 'optional';

/** What settings are about, in the order in which they are told. */
export const GROUPS = {
  primary: 'The primary',
  link: 'The link to it',
  log: 'The log',
  replicas: 'The port: replicas of our own, and clients',
  messages: 'What it says',
  http: 'HTTP: metrics, health, and a page to look at',
} as const;

/** One setting: all that is said of it anywhere comes from here. */
export interface Setting<T = unknown> {
  readonly group: keyof typeof GROUPS;
  readonly form: Form<T>;
  /** As it would be typed; undefined: there is none. */
  readonly default?: string;
  readonly description: string;
  /** What `--no-<name>` does, where yes is the default. */
  readonly negative?: string;
  /** Never printed, and read from the file that `FOREBAY_<NAME>_FILE` names, too. */
  readonly secret?: true;
  /** Takes effect while it runs; another only at the next start. */
  readonly live?: true;
  /** Variables of its name that others set, to say something else: they are passed over. */
  readonly foreign?: RegExp;
}

/**
 * Every setting of `forebay replica` under its name, which is that of the flag, of the key in a file and,
 * in capitals, of the variable. Where `redis-server` or `redis-cli` has it, the name is theirs.
 */
export const SETTINGS = {
  replicaof: {
    group: 'primary',
    form: addresses,
    live: true,
    description:
      'primary: HOST PORT, HOST:PORT, or a redis://, rediss:// or unix:// URL; if given more than once, ' +
      'the first that answers as a primary, or the one that its replicas name',
  },
  'replicaof-file': {
    group: 'primary',
    form: text('file'),
    live: true,
    description: 'the same, an address a line; read anew on SIGHUP, and followed without a restart',
  },
  masteruser: {
    group: 'primary',
    form: text('user'),
    live: true,
    description: 'user to authenticate as; or FOREBAY_MASTERUSER',
  },
  masterauth: {
    group: 'primary',
    form: text('password'),
    secret: true,
    live: true,
    description:
      'password; better in FOREBAY_MASTERAUTH, or in the file named by FOREBAY_MASTERAUTH_FILE, which is ' +
      'read again for each connection',
  },
  tls: { group: 'link', form: yesNo, default: 'no', live: true, description: 'secure the link' },
  cacert: {
    group: 'link',
    form: text('file'),
    live: true,
    description: 'certificate of the authority to trust',
  },
  cert: {
    group: 'link',
    form: text('file'),
    live: true,
    description: 'our certificate, where the primary wants one',
  },
  key: { group: 'link', form: text('file'), live: true, description: 'its private key' },
  sni: {
    group: 'link',
    form: text('name'),
    live: true,
    description: 'name that the certificate has to bear; the host by default',
  },
  insecure: {
    group: 'link',
    form: yesNo,
    default: 'no',
    live: true,
    description: 'take any certificate',
  },
  'repl-timeout': {
    group: 'link',
    form: seconds,
    default: '60',
    live: true,
    description: 'silence after which a link is given up, above us and below',
  },
  'accept-unverified-rdb': {
    group: 'link',
    form: yesNo,
    default: 'no',
    live: true,
    description: 'adopt a snapshot without a checksum that forebay cannot fully verify',
  },
  'replica-announce-ip': {
    group: 'link',
    form: text('address'),
    description:
      'address announced to the primary; with it, the port is announced regardless of --bind',
  },
  'replica-announce-port': {
    group: 'link',
    form: port,
    default: '0',
    description:
      'port announced to the primary; 0: the value of --port, if --bind includes the local address of the link to the primary',
  },
  'announce-version': {
    group: 'link',
    form: serverVersion,
    default: '9.1.2',
    description:
      'server version announced to the primary; Valkey 9.1 and later send an RDB that this version ' +
      'loads: 8.1.0 for replicas of Valkey 8 (not possible while hash fields have TTLs)',
  },
  dir: {
    group: 'log',
    form: text('dir'),
    description: 'where the log is kept; made if it is not there, readable by its owner only',
  },
  appendfsync: {
    group: 'log',
    form: oneOf<SyncPolicy>('when', ['always', 'everysec', 'no']),
    default: 'everysec',
    description: 'when what is written is synced to the disk',
  },
  'auto-aof-rewrite-percentage': {
    group: 'log',
    form: percent,
    default: '100',
    live: true,
    description:
      'fetch a fresh base when the stream after the last base reaches this percentage of its size; 0: only near --max-disk',
  },
  'auto-aof-rewrite-min-size': {
    group: 'log',
    form: size,
    default: '64mb',
    live: true,
    description: 'and is no less than this',
  },
  'base-interval': {
    group: 'log',
    form: time,
    default: '1h',
    live: true,
    description:
      'minimum time between two bases (each costs the primary a fork); near --max-disk: 10 s',
  },
  retain: {
    group: 'log',
    form: retain,
    default: '24h',
    live: true,
    description: 'how far back the log can be gone',
  },
  'max-disk': {
    group: 'log',
    form: diskLimit,
    default: '80%',
    live: true,
    description:
      'hard limit on disk use; near the limit a fresh base is fetched at once and lagging consumers ' +
      'lose their position; if that is not enough, replication pauses',
  },
  port: {
    group: 'replicas',
    form: listeningPort,
    default: '6380',
    // Kubernetes, in every pod beside a service called forebay.
    foreign: /^tcp:\/\//,
    description: 'serve replicas and clients here; any: a free one; 0: nobody, or by TLS alone',
  },
  bind: {
    group: 'replicas',
    form: words('address'),
    default: '127.0.0.1',
    description:
      'the addresses to serve at; * is all of IPv4, ::* all of IPv6, and one after a - may be missing',
  },
  requirepass: {
    group: 'replicas',
    form: text('password'),
    secret: true,
    live: true,
    description:
      'password that everyone has to give; better in FOREBAY_REQUIREPASS, or in the file named by ' +
      'FOREBAY_REQUIREPASS_FILE',
  },
  'protected-mode': {
    group: 'replicas',
    form: yesNo,
    default: 'yes',
    live: true,
    description: 'serve other machines only with a password',
    negative: 'serve other machines without a password',
  },
  'tls-port': {
    group: 'replicas',
    form: port,
    default: '0',
    description: 'serve by TLS here; 0: nowhere',
  },
  'tls-cert-file': {
    group: 'replicas',
    form: text('file'),
    live: true,
    description: 'the certificate to show there; read anew on SIGHUP',
  },
  'tls-key-file': {
    group: 'replicas',
    form: text('file'),
    live: true,
    description: 'its private key',
  },
  'tls-key-file-pass': {
    group: 'replicas',
    form: text('passphrase'),
    secret: true,
    live: true,
    description:
      'what that key is encrypted with; better in FOREBAY_TLS_KEY_FILE_PASS, or in the file named by ' +
      'FOREBAY_TLS_KEY_FILE_PASS_FILE',
  },
  'tls-ca-cert-file': {
    group: 'replicas',
    form: text('file'),
    live: true,
    description: 'certificate of the authority that certifies clients',
  },
  'tls-auth-clients': {
    group: 'replicas',
    form: oneOf<ClientCertificates>('who', ['yes', 'no', 'optional']),
    default: 'yes',
    live: true,
    description: 'whether clients need a certificate; optional: one that is given has to be good',
  },
  maxclients: {
    group: 'replicas',
    form: count('clients', 1),
    default: '10000',
    live: true,
    description: 'connections at once; fewer where the system does not let us open as many files',
  },
  timeout: {
    group: 'replicas',
    form: secondsOrNever,
    default: '0',
    live: true,
    description:
      'silence after which a client is let go, other than a replica or a subscriber; 0: never',
  },
  'tcp-keepalive': {
    group: 'replicas',
    form: secondsOrNever,
    default: '300',
    live: true,
    description: 'silence after which the system asks whether a peer is still there; 0: never',
  },
  'replica-priority': {
    group: 'replicas',
    form: count('number', 0),
    default: '0',
    live: true,
    description: 'for Sentinels; 0: never promoted, which could not be done',
  },
  'replica-announced': {
    group: 'replicas',
    form: yesNo,
    default: 'no',
    live: true,
    description:
      'let Sentinels (6.2 and later) list this replica to clients that read from replicas; Sentinels reconfigure it in either case',
  },
  'repl-backlog-size': {
    group: 'replicas',
    form: size,
    default: '1mb',
    description: 'how much of the stream is in memory for replicas',
  },
  loglevel: {
    group: 'messages',
    form: oneOf('level', LOG_LEVELS),
    default: 'notice',
    live: true,
    description: 'the least that is worth a line on standard error; debug has no more than verbose',
  },
  'log-format': {
    group: 'messages',
    form: oneOf('form', LOG_FORMATS),
    default: 'auto',
    description: 'lines for people, or of JSON; auto: pretty on a terminal, json elsewhere',
  },
  http: {
    group: 'http',
    form: httpAddress,
    default: '127.0.0.1:6381',
    description:
      'serve /metrics, /healthz, /readyz, /status.json and a page here, to whoever reaches it (port 0: any ' +
      'that is free); an address that was given and is taken ends it, where the default is taken it goes on without',
  },
  'http-allowed-hosts': {
    group: 'http',
    form: words('name'),
    live: true,
    description:
      'host names accepted in the Host header, besides localhost and IP addresses; ' +
      'default: any, or none if --http is a loopback address',
  },
  'http-password': {
    group: 'http',
    form: text('password'),
    secret: true,
    live: true,
    description:
      'password for HTTP (Basic, any user name), except /healthz and /readyz; better in ' +
      'FOREBAY_HTTP_PASSWORD, or in the file named by FOREBAY_HTTP_PASSWORD_FILE',
  },
  'http-tls-cert-file': {
    group: 'http',
    form: text('file'),
    description: 'serve HTTPS with this certificate; the file is read again on SIGHUP',
  },
  'http-tls-key-file': {
    group: 'http',
    form: text('file'),
    description: 'private key of --http-tls-cert-file; the file is read again on SIGHUP',
  },
  'ready-max-lag': {
    group: 'http',
    form: seconds,
    default: '10',
    description: 'seconds of lag up to which /readyz says yes',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

export const settingNames = Object.keys(SETTINGS) as SettingName[];

/** Who we are to a server, and how the link to it is secured. */
export const CONNECTION = [
  'masteruser',
  'masterauth',
  'tls',
  'cacert',
  'cert',
  'key',
  'sni',
  'insecure',
] satisfies SettingName[];

export type ConnectionName = (typeof CONNECTION)[number];

type ValueOf<S> = S extends { readonly form: Form<infer T>; readonly default: string }
  ? T
  : S extends { readonly form: Form<infer T> }
    ? T | undefined
    : never;

/** Settings, read. */
export type Values<Name extends SettingName = SettingName> = {
  readonly [N in Name]: ValueOf<(typeof SETTINGS)[N]>;
};

/** What the table has of one, whichever it is. */
export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}

/** The variable that stands for it: `FOREBAY_REPL_TIMEOUT`. */
export function variableOf(name: SettingName): string {
  return `FOREBAY_${name.toUpperCase().replaceAll('-', '_')}`;
}
