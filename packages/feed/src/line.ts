import { isUtf8 } from 'node:buffer';
import type { Position } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import type { FeedItem } from './change.ts';

/** Text as it is, and bytes that are no text by their base64: an object is never taken for text. */
export type LineValue = string | { readonly base64: string };

/**
 * An item as one line of JSON, without its newline. A change has the fields `v`, `offset`, `id`, `db`,
 * `cmd`, `keys` (null where they are not known), `args` and `tx` (null outside of a transaction); other
 * items have a `type`.
 */
export function formatLine(item: FeedItem): string {
  const { v } = item;
  switch (item.type) {
    case 'change': {
      const { offset, id, database: db, command: cmd, tx = null } = item;
      const keys = item.keys?.map(toValue) ?? null;
      return JSON.stringify({ v, offset, id, db, cmd, keys, args: item.args.map(toValue), tx });
    }
    case 'reset':
      return JSON.stringify({ v, type: 'reset', ...placesOf(item), reason: item.reason });
    case 'rewound':
      return JSON.stringify({ v, type: 'rewound', ...placesOf(item) });
  }
}

function placesOf({ from, to }: { from: Position; to: Position }): { from: string; to: string } {
  return { from: formatPosition(from), to: formatPosition(to) };
}

/** Bytes are text where they are UTF-8: written as such they are the same bytes again. */
function toValue(bytes: Uint8Array): LineValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return isUtf8(buffer) ? buffer.toString('utf8') : { base64: buffer.toString('base64') };
}
