import type { Endpoint, TlsOptions } from '@forebay/replica';
import { RequestClient } from '@forebay/replica';
import type { Candidate } from '../config/candidate.ts';

/** Milliseconds that a server has to answer in, where we would wait for longer: somebody sits and waits. */
const PATIENCE = 10_000;

/** What is asked for on the command line. */
export interface DoctorOptions {
  /** Seconds over which the write rate is measured. */
  readonly seconds: number;
  /** Whether PSYNC may cost the primary a fork. */
  readonly full: boolean;
  /** Where a log would be kept. */
  readonly directory: string | undefined;
  /** Seconds of silence after which we give a link up. */
  readonly timeout: number;
  /** Milliseconds of stream that are to be kept; undefined where a size is. */
  readonly retained: number | undefined;
}

/** A check needs a fact that the server does not report. */
export class NotTold extends Error {
  override readonly name = 'NotTold';
}

/** What is known of INFO, by name. */
export type Info = ReadonlyMap<string, string>;

/** How fast the primary writes its stream, in bytes a second. */
export interface WriteRate {
  readonly bytes: number;
  /** It has no stream yet: this is all that its clients send, and the stream is less. */
  readonly atMost: boolean;
}

/** The server that is looked at, and what is known of it so far. */
export class Subject {
  readonly candidate: Candidate;
  readonly tls: TlsOptions;
  readonly options: DoctorOptions;
  /** The link over which it is asked; there once `reach` and `tls` are well. */
  connection!: RequestClient;
  info: Info = new Map();
  settings: ReadonlyMap<string, string> = new Map();
  rate: WriteRate = { bytes: 0, atMost: false };

  constructor(candidate: Candidate, tls: TlsOptions, options: DoctorOptions) {
    this.candidate = candidate;
    this.tls = tls;
    this.options = options;
  }

  /** As whom we come. */
  get user(): string {
    return this.candidate.username ?? 'default';
  }

  /** Another link, open for commands but for who we are. @throws {ReplicaError} */
  connect(endpoint: Endpoint = this.candidate.endpoint): Promise<RequestClient> {
    const timeout = Math.min(PATIENCE, this.options.timeout * 1000);
    const { username, password } = this.candidate;
    return RequestClient.open({
      url: endpoint,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      tls: this.tls,
      timeout,
    });
  }

  /** Another link as who we are. @throws {ReplicaError} */
  async enter(): Promise<RequestClient> {
    const connection = await this.connect();
    await connection.authenticate();
    return connection;
  }

  /** A field of INFO. @throws {NotTold} */
  field(name: string): string {
    const value = this.info.get(name);
    if (value === undefined) throw new NotTold(`INFO has no ${name}`);
    return value;
  }

  /** A number of INFO. @throws {NotTold} */
  figure(name: string): number {
    const number = Number(this.field(name));
    if (Number.isNaN(number)) throw new NotTold(`INFO has no number for ${name}`);
    return number;
  }

  /** A setting of the server. @throws {NotTold} */
  setting(name: string): string {
    const value = this.settings.get(name);
    if (value === undefined) throw new NotTold(`CONFIG GET does not return ${name}`);
    return value;
  }

  close(): void {
    this.connection?.close();
  }
}
