import fc from 'fast-check';
import type { RespEntries, RespValue } from '../src/index.ts';

/** Code points, lone surrogates left out: UTF-8 has none. */
const text = fc.string({ unit: 'binary' });
const line = text.map((any) => any.replace(/[\r\n]/g, ' '));
const streamed = fc.constantFrom({}, { streamed: true as const });

function failure(type: 'error' | 'bulk-error', message: string): RespValue {
  return { type, code: message.split(' ', 1)[0]!, message };
}

const scalar: fc.Arbitrary<RespValue> = fc.oneof(
  line.map((any): RespValue => ({ type: 'simple', text: any })),
  line.map((any) => failure('error', any)),
  text.map((any) => failure('bulk-error', any)),
  fc
    .tuple(fc.uint8Array({ maxLength: 40 }), streamed)
    .map(([bytes, rest]): RespValue => ({ type: 'bulk', bytes, ...rest })),
  fc.maxSafeInteger().map((value): RespValue => ({ type: 'number', value })),
  fc
    .bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n })
    .map((value): RespValue => ({ type: 'number', value })),
  fc.constantFrom<RespValue>(
    { type: 'null' },
    { type: 'null', of: 'bulk' },
    { type: 'null', of: 'array' },
  ),
  fc.boolean().map((value): RespValue => ({ type: 'boolean', value })),
  fc.double().map((value): RespValue => ({ type: 'double', value })),
  fc.bigInt().map((value): RespValue => ({ type: 'big-number', value })),
  fc
    .tuple(fc.constantFrom('txt', 'mkd', '::\r'), fc.uint8Array())
    .map(([format, bytes]): RespValue => ({ type: 'verbatim', format, bytes })),
);

/** Any value, nested up to a few levels. */
export const anyValue: fc.Arbitrary<RespValue> = fc.letrec<{
  value: RespValue;
  bare: RespValue;
  entries: RespEntries;
}>((tie) => ({
  value: fc
    .tuple(tie('bare'), fc.option(tie('entries'), { nil: undefined, freq: 6 }))
    .map(([bare, attributes]) => (attributes === undefined ? bare : { ...bare, attributes })),
  bare: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    scalar,
    fc
      .tuple(
        fc.constantFrom('array' as const, 'set' as const, 'push' as const),
        fc.array(tie('value'), { maxLength: 3 }),
        streamed,
      )
      .map(([type, items, rest]): RespValue => ({ type, items, ...rest })),
    fc
      .tuple(tie('entries'), streamed)
      .map(([entries, rest]): RespValue => ({ type: 'map', entries, ...rest })),
  ),
  entries: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }),
})).value;

/** Changes each value from the innermost on. */
function mapValue(value: RespValue, change: (value: RespValue) => RespValue): RespValue {
  const each = (inner: RespValue): RespValue => mapValue(inner, change);
  const pairs = (entries: RespEntries): RespEntries =>
    entries.map(([key, item]) => [each(key), each(item)] as const);
  let mapped = value;
  if (mapped.type === 'map') mapped = { ...mapped, entries: pairs(mapped.entries) };
  else if ('items' in mapped) mapped = { ...mapped, items: mapped.items.map(each) };
  if (mapped.attributes !== undefined) {
    mapped = { ...mapped, attributes: pairs(mapped.attributes) };
  }
  return change(mapped);
}

/** RESP3 has one null: what was one of RESP2's is `_` after it was written. */
export function withoutNullForms(value: RespValue): RespValue {
  return mapValue(value, (inner) => {
    if (inner.type !== 'null') return inner;
    const { of: _, ...rest } = inner;
    return rest;
  });
}
