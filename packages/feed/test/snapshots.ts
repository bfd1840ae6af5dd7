import { RdbWriter } from '@forebay/rdb';
import { bytesOf } from '@forebay/testkit';

/** An RDB of strings, each `database key value`. */
export function rdbOf(...strings: readonly string[]): Uint8Array {
  const writer = new RdbWriter({ magic: 'REDIS', version: 11 }, { compress: false });
  for (const each of strings) {
    const [database, key = '', value = ''] = each.split(' ');
    const name = bytesOf(key);
    writer.write({ type: 'key', database: Number(database), key: name, dataType: 'string' });
    writer.write({ type: 'value', value: bytesOf(value) });
    writer.write({ type: 'key-end' });
  }
  writer.write({ type: 'end' });
  return writer.take();
}
