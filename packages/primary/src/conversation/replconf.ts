import type { RespValue } from '@forebay/resp';
import { error, NOT_A_NUMBER, OK, SYNTAX_ERROR } from './replies.ts';

const INTEGER = /^-?\d{1,15}$/;

/** What a replica has told of itself. */
export interface Traits {
  listeningPort: number;
  /** As announced; undefined: that of its connection. */
  address: string | undefined;
  /** `capa eof`: takes a payload that ends at a mark. */
  eof: boolean;
  /** `capa psync2`: takes `+CONTINUE` with an id. */
  psync2: boolean;
  /** Wants a snapshot, and no stream after it. */
  rdbOnly: boolean;
  /** Its own, as Valkey from 8.0 on announces it. */
  version: string | undefined;
}

export function noTraits(): Traits {
  return {
    listeningPort: 0,
    address: undefined,
    eof: false,
    psync2: false,
    rdbOnly: false,
    version: undefined,
  };
}

/**
 * Takes the options of REPLCONF in order. The first that is bad stops it, and those before it stay in
 * force (`replication.c: replconfCommand`). Returns the reply.
 */
export function takeOptions(traits: Traits, options: readonly string[]): RespValue {
  if (options.length % 2 !== 0) return SYNTAX_ERROR;
  for (let i = 0; i < options.length; i += 2) {
    const refusal = takeOption(traits, options[i]!, options[i + 1]!);
    if (refusal !== undefined) return refusal;
  }
  return OK;
}

function takeOption(traits: Traits, name: string, value: string): RespValue | undefined {
  switch (name.toLowerCase()) {
    case 'listening-port':
      if (!INTEGER.test(value)) return NOT_A_NUMBER;
      traits.listeningPort = Number(value);
      return undefined;
    case 'ip-address':
      // It is shown to people, and in the lines of INFO.
      if (!/^[\w.:%-]{0,255}$/.test(value)) return error('ERR Invalid ip-address of a replica');
      traits.address = value === '' ? undefined : value;
      return undefined;
    case 'capa':
      // Those that are not known are passed over, as they are everywhere.
      if (value.toLowerCase() === 'eof') traits.eof = true;
      if (value.toLowerCase() === 'psync2') traits.psync2 = true;
      return undefined;
    case 'version':
      // It is shown to people. What is no version is not kept, and answered as by servers that do not know the option.
      if (/^\d{1,3}(?:\.\d{1,3}){1,2}$/.test(value)) traits.version = value;
      return undefined;
    case 'rdb-only':
      if (!INTEGER.test(value)) return NOT_A_NUMBER;
      if (Number(value) !== 0 && Number(value) !== 1) {
        return error('ERR value is out of range, must be between 0 and 1');
      }
      traits.rdbOnly = Number(value) === 1;
      return undefined;
    case 'rdb-filter-only':
      if (value === '') return undefined;
      return error('ERR rdb-filter-only is not served here: what is kept is a whole snapshot');
    default:
      return error(`ERR Unrecognized REPLCONF option: ${name.slice(0, 128)}`);
  }
}
