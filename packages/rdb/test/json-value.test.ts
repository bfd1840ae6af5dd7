import { describe, expect, it } from 'vitest';
import type { DataType, RdbElement } from '../src/index.ts';
import { JsonValue } from '../src/json.ts';

function jsonOf(dataType: DataType, elements: readonly RdbElement[]): unknown {
  const value = new JsonValue();
  let json = value.begin(dataType);
  for (const element of elements) {
    for (const piece of value.piecesOf(element)) {
      json += typeof piece === 'string' ? piece : JSON.stringify(Buffer.from(piece).toString());
    }
  }
  return JSON.parse(json + value.end());
}

const [MOST, BEYOND] = [2n ** 53n - 1n, 2n ** 64n - 1n];
const module = { name: 'test-type', version: 1 };
const kinds = ['signed', 'unsigned'] as const;

describe('integers in the JSON of a value are numbers up to 2^53, and text beyond', () => {
  it.each([
    [1n, 1],
    [-MOST, Number(-MOST)],
    [MOST, Number(MOST)],
    [MOST + 1n, '9007199254740992'],
    [-MOST - 1n, '-9007199254740992'],
    [BEYOND, '18446744073709551615'],
  ])('%s', (integer, expected) => {
    for (const kind of kinds) {
      const written: RdbElement = { type: 'module-value', kind, value: integer };
      expect(jsonOf('module', [{ type: 'module-id', module }, written])).toMatchObject({
        values: [{ [kind]: expected }],
      });
    }
    const array: RdbElement[] = [
      { type: 'insert-index', index: integer },
      { type: 'slot-value', index: integer, value: Buffer.from('a') },
    ];
    expect(jsonOf('array', array)).toEqual({
      insertIndex: expected,
      items: [{ index: expected, value: 'a' }],
    });
    const [lastId, firstId, maxDeletedId] = ['1-1', '1-1', '0-0'];
    const stream: RdbElement[] = [
      { type: 'stream', length: 1, lastId, firstId, maxDeletedId, entriesAdded: integer },
      { type: 'group', name: Buffer.from('g'), lastId, entriesRead: integer },
    ];
    expect(jsonOf('stream', stream)).toMatchObject({
      entriesAdded: expected,
      groups: [{ entriesRead: expected }],
    });
  });
});
