import type { DataType, RdbElement, StreamElement } from '../format/events.ts';

/** Of a line of JSON: ASCII that stands there as it is, and bytes that become a string. */
export type Piece = string | Uint8Array;

type Element<T extends RdbElement['type']> = Extract<RdbElement, { type: T }>;

/** How the value of each type begins and ends. */
const BRACKETS: Readonly<Record<DataType, readonly [string, string]>> = {
  string: ['', ''],
  list: ['[', ']'],
  set: ['[', ']'],
  zset: ['[', ']'],
  hash: ['[', ']'],
  array: ['{', ']}'],
  stream: ['{"entries":[', '}'],
  module: ['{', ']}'],
};

/** What is open after the entries of a stream, and how each is closed. */
const CLOSES = {
  entries: '',
  groups: ']',
  group: '],"consumers":[]}]',
  consumer: ']}]}]',
  negative: ']}]',
  idempotence: '',
} as const;

/** Puts the elements of values into JSON one by one, so that no value has to be held. */
export class JsonValue {
  #dataType: DataType = 'string';
  /** What stands before the next element of the innermost list. */
  #comma = '';
  #open: keyof typeof CLOSES = 'entries';
  /** An array tells where it is inserted to, or begins with its items. */
  #hasItems = false;
  /** Whether a producer of a stream was told. */
  #hasProducer = false;

  begin(dataType: DataType): string {
    this.#dataType = dataType;
    this.#comma = '';
    this.#open = 'entries';
    this.#hasItems = false;
    this.#hasProducer = false;
    return BRACKETS[dataType][0];
  }

  end(): string {
    const close = BRACKETS[this.#dataType][1];
    if (this.#dataType === 'stream') return CLOSES[this.#open] + close;
    return this.#dataType === 'array' ? this.#items() + close : close;
  }

  piecesOf(element: RdbElement): readonly Piece[] {
    switch (element.type) {
      case 'value':
        return [element.value];
      case 'item':
        return [this.#next(), element.value];
      case 'member':
        return [this.#next(), element.member];
      case 'scored':
        // Not put together: of the most frequent ones a new text each would take a tenth of all the time.
        return [
          this.#next(),
          '{"member":',
          element.member,
          ',"score":',
          numberOf(element.score),
          '}',
        ];
      case 'field': {
        const { field, value, expiresAt } = element;
        const end = expiresAt === undefined ? '}' : `,"expiresAt":${expiresAt}}`;
        return [this.#next(), '{"field":', field, ',"value":', value, end];
      }
      case 'insert-index':
        return [`"insertIndex":${numberOf(element.index)},`];
      case 'slot-value': {
        const head = `${this.#items()}${this.#next()}{"index":${numberOf(element.index)},"value":`;
        return [head, element.value, '}'];
      }
      case 'module-id': {
        const { name, version } = element.module;
        return [`"module":"${name}","version":${version},"values":[`];
      }
      case 'module-value':
        return this.#moduleValue(element);
      // Told only to who asks for them.
      case 'count':
      case 'node':
        return [];
      default:
        return this.#ofStream(element);
    }
  }

  #next(): string {
    const comma = this.#comma;
    this.#comma = ',';
    return comma;
  }

  /** A list begins that is empty so far. */
  #list(text: string): string {
    this.#comma = '';
    return text;
  }

  #items(): string {
    if (this.#hasItems) return '';
    this.#hasItems = true;
    return this.#list('"items":[');
  }

  #moduleValue({ kind, value }: Element<'module-value'>): readonly Piece[] {
    const text = value instanceof Uint8Array ? value : numberOf(value);
    return [`${this.#next()}{"${kind}":`, text, '}'];
  }

  #ofStream(element: StreamElement): readonly Piece[] {
    switch (element.type) {
      case 'entry': {
        const pieces: Piece[] = [`${this.#next()}{"id":"${element.id}","fields":[`];
        for (const [i, field] of element.fields.entries()) pieces.push(i === 0 ? '' : ',', field);
        pieces.push(']}');
        return pieces;
      }
      case 'stream':
        this.#open = 'groups';
        return [this.#list(`]${headOf(element)},"groups":[`)];
      case 'group': {
        const { name, lastId, entriesRead } = element;
        const before = this.#open === 'groups' ? '' : `${CLOSES[this.#open].slice(0, -1)},`;
        this.#open = 'group';
        const read = entriesRead === undefined ? '' : `,"entriesRead":${numberOf(entriesRead)}`;
        const tail = `,"lastId":"${lastId}"${read},"pending":[`;
        return [`${before}{"name":`, name, this.#list(tail)];
      }
      case 'pending': {
        const { id, deliveredAt, deliveries } = element;
        const times = `"deliveredAt":${deliveredAt},"deliveries":${deliveries}`;
        return [`${this.#next()}{"id":"${id}",${times}}`];
      }
      case 'consumer': {
        const { name, seenAt, activeAt } = element;
        const before = this.#open === 'group' ? '],"consumers":[' : ']},';
        this.#open = 'consumer';
        const active = activeAt === undefined ? '' : `,"activeAt":${activeAt}`;
        const tail = `,"seenAt":${seenAt}${active},"pending":[`;
        return [`${before}{"name":`, name, this.#list(tail)];
      }
      case 'consumer-pending':
        return [`${this.#next()}"${element.id}"`];
      case 'negative': {
        const begins = this.#open === 'group' ? '],"consumers":[],' : ']}],';
        const before = this.#open === 'negative' ? '' : this.#list(`${begins}"negative":[`);
        this.#open = 'negative';
        return [`${before}${this.#next()}"${element.id}"`];
      }
      default:
        return this.#idempotence(element);
    }
  }

  #idempotence(
    element: Extract<
      StreamElement,
      { type: 'idempotence' | 'producer' | 'produced' | 'idempotence-counts' }
    >,
  ): readonly Piece[] {
    switch (element.type) {
      case 'idempotence': {
        const before = CLOSES[this.#open];
        this.#open = 'idempotence';
        const { duration, most } = element;
        return [`${before},"idempotence":{"duration":${duration},"most":${most},"producers":[`];
      }
      case 'producer': {
        const before = this.#hasProducer ? ']},' : '';
        this.#hasProducer = true;
        return [`${before}{"id":`, element.id, this.#list(',"messages":[')];
      }
      case 'produced':
        return [`${this.#next()}{"message":`, element.message, `,"id":"${element.id}"}`];
      case 'idempotence-counts':
        return [
          `${this.#hasProducer ? ']}' : ''}],"counts":[${element.counts.map(numberOf).join(',')}]}`,
        ];
    }
  }
}

function headOf(stream: Element<'stream'>): string {
  const { length, lastId, firstId, maxDeletedId, entriesAdded } = stream;
  const old = `,"length":${length},"lastId":"${lastId}"`;
  if (firstId === undefined) return old;
  const added = entriesAdded === undefined ? '' : `,"entriesAdded":${numberOf(entriesAdded)}`;
  return `${old},"firstId":"${firstId}","maxDeletedId":"${maxDeletedId}"${added}`;
}

const [LEAST, MOST] = [BigInt(Number.MIN_SAFE_INTEGER), BigInt(Number.MAX_SAFE_INTEGER)];

/**
 * What JSON has no numbers for is text, as servers have it; so is an integer that most who read JSON would
 * round, beyond 2^53.
 */
function numberOf(value: number | bigint): string {
  if (typeof value === 'bigint') {
    return value < LEAST || value > MOST ? `"${value}"` : String(value);
  }
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  if (Number.isNaN(value)) return '"nan"';
  return value > 0 ? '"inf"' : '"-inf"';
}
