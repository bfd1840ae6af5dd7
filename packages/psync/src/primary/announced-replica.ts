import type { RespFailure } from '@forebay/resp';
import { failure, NOT_A_NUMBER, SYNTAX_ERROR } from './replies.ts';

const INTEGER = /^-?\d{1,15}$/;

/** What a replica announced by REPLCONF. */
export interface AnnouncedReplica {
  /** 0 if it did not announce one. */
  readonly listeningPort: number;
  /** Undefined: the address of its connection. */
  readonly address: string | undefined;
  /** `capa eof`: takes a payload that ends at a mark. */
  readonly eof: boolean;
  /** `capa psync2`: takes `+CONTINUE` with an id. */
  readonly psync2: boolean;
  /** Wants a snapshot, and no stream after it. */
  readonly rdbOnly: boolean;
  /** Its own version, as Valkey announces it from 8.0 on. */
  readonly version: string | undefined;
}

export const NOT_ANNOUNCED: AnnouncedReplica = {
  listeningPort: 0,
  address: undefined,
  eof: false,
  psync2: false,
  rdbOnly: false,
  version: undefined,
};

/**
 * Applies the options of one REPLCONF in order, up to the first refused one; the options before it stay in
 * force (`replication.c: replconfCommand`).
 */
export function announce(
  replica: AnnouncedReplica,
  options: readonly string[],
): { readonly announced: AnnouncedReplica; readonly refusal: RespFailure | undefined } {
  if (options.length % 2 !== 0) return { announced: replica, refusal: SYNTAX_ERROR };
  let announced = replica;
  for (let i = 0; i < options.length; i += 2) {
    const change = optionOf(options[i]!, options[i + 1]!);
    if ('type' in change) return { announced, refusal: change };
    announced = { ...announced, ...change };
  }
  return { announced, refusal: undefined };
}

/** The change that an option makes, or the error if it is refused. */
function optionOf(name: string, value: string): Partial<AnnouncedReplica> | RespFailure {
  switch (name.toLowerCase()) {
    case 'listening-port':
      return INTEGER.test(value) ? { listeningPort: Number(value) } : NOT_A_NUMBER;
    case 'ip-address':
      // It is shown to people, and in the lines of INFO.
      if (!/^[\w.:%-]{0,255}$/.test(value)) return failure('ERR Invalid ip-address of a replica');
      return { address: value === '' ? undefined : value };
    case 'capa':
      // Servers ignore unknown capabilities too.
      if (value.toLowerCase() === 'eof') return { eof: true };
      return value.toLowerCase() === 'psync2' ? { psync2: true } : {};
    case 'version':
      // It is only displayed. A malformed version is ignored, with the reply of a server that does not know the option.
      return /^\d{1,3}(?:\.\d{1,3}){1,2}$/.test(value) ? { version: value } : {};
    case 'rdb-only':
      if (!INTEGER.test(value)) return NOT_A_NUMBER;
      if (Number(value) !== 0 && Number(value) !== 1) {
        return failure('ERR value is out of range, must be between 0 and 1');
      }
      return { rdbOnly: Number(value) === 1 };
    case 'rdb-filter-only':
      if (value === '') return {};
      return failure('ERR rdb-filter-only is not served here: what is kept is a whole snapshot');
    default:
      return failure(`ERR Unrecognized REPLCONF option: ${name.slice(0, 128)}`);
  }
}
