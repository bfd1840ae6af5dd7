/** What of an event a field can tell; the text of each says its unit. */
export const FIELDS = {
  primary: {
    type: 'string',
    description: 'the server that is followed: `host:port`, or the path of a socket',
  },
  replica: { type: 'string', description: 'the replica below us: `host:port`' },
  position: {
    type: 'string',
    description: 'where the stream is: `<id>:<offset>`, of the last byte',
  },
  from: { type: 'string', description: 'the position before' },
  offset: { type: 'number', description: 'the offset of the last byte' },
  bytes: { type: 'number', description: 'how much it is about' },
  kept: { type: 'number', description: 'bytes that are held after it' },
  seconds: { type: 'number', description: 'duration, or size of the step of the clock' },
  retryMs: { type: 'number', description: 'milliseconds until the next attempt' },
  reason: { type: 'string', description: 'why' },
  code: { type: 'string', description: 'the code of the error' },
  state: { type: 'string', description: 'the state of the link' },
  reader: { type: 'string', description: 'the cursor of a reader' },
  address: { type: 'string', description: 'where we listen' },
  directory: { type: 'string', description: 'where the log is kept' },
  setting: { type: 'string', description: 'the name of a setting' },
  value: { type: 'string', description: 'its value; of a secret it is not told' },
  count: {
    type: 'number',
    description: 'number of suppressed lines, or of full resyncs in a row',
  },
  exitCode: { type: 'number', description: 'what the process ends with' },
} as const satisfies Record<string, FieldDescription>;

interface FieldDescription {
  readonly type: 'string' | 'number';
  readonly description: string;
}

/** Everything that the daemon says is one of these. */
export const EVENTS = {
  following: { description: 'a server is followed from now on' },
  link: { description: 'the link has come into another state' },
  connected: { description: 'a server has been reached' },
  'link-lost': {
    description: 'an attempt, or a link that stood, has ended; the next is tried by itself',
  },
  'link-cut': { description: 'CLIENT KILL closed the link; the daemon reconnects', bounded: true },
  'cut-cause': { description: 'probable cause for which the primary closed the link' },
  'replicaof-refused': {
    description: 'REPLICAOF named a server that replicates from this daemon',
    bounded: true,
  },
  'option-refused': { description: 'the primary does not take an option of ours' },
  'no-primary': { description: 'none of the candidates is a primary just now' },
  'snapshot-awaited': { description: 'the primary makes the snapshot of a full copy' },
  'full-copy': { description: 'a full copy comes' },
  'full-copy-done': { description: 'it is on the disk, and the stream goes on' },
  'full-copy-cut-short': { description: 'it did not come to its end; what was held stays' },
  'snapshot-refused': {
    description: 'the snapshot of a full resync is damaged or unproven; the log is unchanged',
  },
  'snapshot-flawed': {
    description: 'an adopted snapshot has a damaged value, or a part that forebay cannot read',
  },
  'data-set-shrank': {
    description:
      'a full resync left less than half of the data set; `from` is the last position before it',
  },
  'partial-resync': { description: 'the stream goes on where it was' },
  rewound: { description: 'the log has stepped back to what a new primary has' },
  'resume-note': { description: 'how the stream goes on is worth knowing' },
  held: { description: 'what the directory held at the start' },
  'bytes-dropped': { description: 'what a power cut has left unsynced is not kept' },
  'copy-opened': {
    description: 'the directory is a copy: the position up to which checksums confirm it',
  },
  'copy-left-out': { description: 'a file that is missing or incomplete in the copy' },
  base: { description: 'a fresh base is fetched' },
  'base-done': { description: 'it is on the disk' },
  'base-failed': { description: 'it did not come' },
  'let-go': { description: 'files that need not be kept are gone' },
  'reader-cut-off': {
    description: 'a consumer lost data that it had not read: --max-disk was reached',
  },
  'retention-failed': { description: 'what need not be kept could not be let go of' },
  'clock-stepped-back': {
    description:
      'the clock stepped back: arrival times are uncertain until it reaches the earlier time again',
  },
  'limit-near': { description: 'the log is near --max-disk: a fresh base is fetched early' },
  'limit-too-small': {
    description: '--max-disk is too small, too large for the disk, or below --retain',
  },
  'no-room': { description: 'the disk is full, or --max-disk is reached: replication is paused' },
  room: { description: 'there is room again: replication resumes' },
  listening: { description: 'replicas are served' },
  'port-not-announced': {
    description:
      'no port is announced to the primary: replicas are not served at the local address of the link',
  },
  http: { description: 'metrics and a page are served' },
  'http-open': {
    description: 'HTTP is served to other machines without a password and under any name',
  },
  'no-http': { description: 'they are not, for the address is taken, which nobody named' },
  'replica-continued': { description: 'a replica below goes on where it was', bounded: true },
  'replica-full-copy': { description: 'a replica below gets a full copy', bounded: true },
  'replica-not-loading': {
    description: 'a downstream replica does not load full resyncs; the next one is delayed',
    bounded: true,
  },
  'replica-gone': { description: 'a replica below is gone', bounded: true },
  'client-let-go': {
    description: 'the connection of a client was ended for a fault',
    bounded: true,
  },
  setting: { description: 'a setting was changed' },
  'rewrite-failed': {
    description: 'CONFIG REWRITE was asked for, and the file is as it was',
  },
  'setting-overruled': {
    description: 'a setting was written to the file, which a flag or a variable goes before',
  },
  'secret-readable': {
    description: 'CONFIG REWRITE wrote a secret to a file that other users can read',
  },
  certificates: { description: 'who comes by TLS finds other certificates' },
  reloaded: {
    description: 'SIGHUP: every file was read again; says what changed and what needs a restart',
  },
  'setting-kept': { description: 'a setting changes at the next start only' },
  'settings-refused': { description: 'what was read anew cannot be used; nothing has changed' },
  'service-manager': { description: 'systemd cannot be told how we are' },
  stopped: { description: 'all data synced to disk, and the end or another start comes' },
  more: { description: 'how many lines of one event were not written, as there were too many' },
  lost: { description: 'how many lines were not written, as nobody read them' },
  exit: { description: 'the process ends because of what the message says' },
} as const satisfies Record<string, EventDescription>;

interface EventDescription {
  readonly description: string;
  /** Whoever connects can cause it, as often as he likes. */
  readonly bounded?: true;
}

export type EventName = keyof typeof EVENTS;

type FieldValues = {
  readonly [F in keyof typeof FIELDS]?:
    | ((typeof FIELDS)[F]['type'] extends 'number' ? number : string)
    | undefined;
};

/** What a line says besides its message, for machines. */
export interface Fields extends FieldValues {
  readonly event: EventName;
}
