import type { Endpoint, Password, TlsOptions } from '@forebay/replica';
import { FeedError } from './errors.ts';
import type { ChangeFilter } from './filter.ts';
import { LinkSource } from './link-source.ts';
import { LogSource } from './log-source.ts';
import type { FeedNotice } from './notice.ts';
import type { Place } from './place.ts';
import { parsePlace } from './place.ts';
import type { Source } from './source.ts';

interface CommonOptions {
  /**
   * Where to begin: after this place, as text (`<id>:<offset>[:<db>]`) or as it is; from now on unless
   * given.
   */
  readonly from?: string | Place;
  /**
   * Whether all keys come first, as of a snapshot, and the changes since. Where there is a place to begin
   * at, `from` or the cursor's, it is begun there as long as that is held. Each time that it breaks off,
   * too, there is a snapshot then, in place of `reset` and `rewound`. False by default.
   */
  readonly snapshot?: boolean;
  /** Aborted: the feed ends. */
  readonly signal?: AbortSignal;
  /** Told what a person may want to know. */
  readonly onNotice?: (notice: FeedNotice) => void;
}

/** A stream out of a durable log. */
export interface FromLog extends CommonOptions {
  /** The directory of the log; another process may be writing to it. */
  readonly dir: string;
  readonly url?: never;
  /**
   * The name under which `checkpoint` keeps the place. Where there is one of the name it is begun at,
   * and `from` is not looked at; until it is removed the log keeps what comes after it.
   */
  readonly cursor?: string;
  /** Whether to wait for more at the end; true by default. */
  readonly follow?: boolean;
}

/** A stream from a server. */
export interface FromServer extends CommonOptions {
  /** `redis://`, `rediss://` or `unix://`, with `[user][:password]@`; or the endpoint. */
  readonly url: string | URL | Endpoint;
  readonly username?: string;
  /** A function is called before each attempt. */
  readonly password?: Password;
  readonly tls?: TlsOptions;
  /** Milliseconds of silence after which a link is given up; 60,000 by default. */
  readonly timeout?: number;
  readonly dir?: never;
}

export type StreamOptions = FromLog | FromServer;

export type FeedOptions = StreamOptions & ChangeFilter;

/** @throws {FeedError} `INVALID_OPTION` */
export function sourceOf(options: StreamOptions): Source {
  const from = typeof options.from === 'string' ? parsePlace(options.from) : options.from;
  const { snapshot = false } = options;
  if (options.dir !== undefined) {
    const { dir, cursor, follow = true } = options;
    if (dir === '') throw new FeedError('INVALID_OPTION', 'dir names no directory');
    return new LogSource({ dir, from, snapshot, cursor, follow });
  }
  const { url, username, password, tls, timeout, onNotice = () => {} } = options;
  const target = {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
  return new LinkSource({ target, from, snapshot, timeout, onNotice });
}
