import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { freshFile } from './data-set.ts';
import { forebay, printedInto } from './run.ts';

/** More than servers take by default (`proto-max-bulk-len`), of references of LZF to the byte before alone. */
const REFERENCES = 2 ** 21;
const LENGTH = 1 + REFERENCES * 264;

/** An RDB of a hash: the value of `long` is that many times the same letter. */
function rdb(): Buffer {
  const lzf = Buffer.concat([
    Buffer.from([0, 120]),
    Buffer.alloc(REFERENCES * 3, '\xe0\xff\0', 'latin1'),
  ]);
  const lengths = Buffer.alloc(10);
  for (const [i, length] of [lzf.length, LENGTH].entries()) {
    lengths[5 * i] = 0x80;
    lengths.writeUInt32BE(length, 5 * i + 1);
  }
  const head = Buffer.from('REDIS0011\x04\x01k\x02\x04long\xc3', 'latin1');
  const end = Buffer.from('\x05short\x01v\xff\0\0\0\0\0\0\0\0', 'latin1');
  return Buffer.concat([head, lengths, lzf, end]);
}

const COMMANDS = `*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*4\r\n$5\r\nHMSET\r\n$1\r\nk\r\n$4\r\nlong\r\n$${LENGTH}\r\n`;
const REST = '\r\n*4\r\n$5\r\nHMSET\r\n$1\r\nk\r\n$5\r\nshort\r\n$1\r\nv\r\n';
const LINE =
  '{"db":0,"key":"k","type":"hash","encoding":"hashtable","value":[{"field":"long","value":';
const BASE64 = Math.ceil(LENGTH / 3) * 4 + '{"base64":""}'.length;
const TAIL = '},{"field":"short","value":"v"}]}\n';

it('a string above 512 MiB is no damage: it is checked, printed as JSON and made a command', async () => {
  const file = await freshFile('long.rdb');
  await writeFile(file, rdb());
  const checked = await forebay(['rdb', 'check', '--deep', file]);
  expect(checked, checked.stderr).toMatchObject({ code: 0 });
  expect(checked.stdout.toString()).toMatch(/1 keys \(1 hash\)/);
  const both = 'tee >(wc -c >&2) | (head -c 120; tail -c 60)';
  const json = await printedInto(['rdb', 'json', file], both);
  expect(json.code).toBe(0);
  expect(json.stdout.startsWith(`${LINE}{"base64":"eHh4`)).toBe(true);
  expect(json.stdout.endsWith(TAIL)).toBe(true);
  expect(Number(json.stderr)).toBe(LINE.length + BASE64 + TAIL.length);
  const plain = await printedInto(['rdb', 'resp', '--plain', file], both);
  expect(plain.code).toBe(0);
  expect(plain.stdout.startsWith(`${COMMANDS}xxxx`)).toBe(true);
  expect(plain.stdout.endsWith(`xxxx${REST}`)).toBe(true);
  expect(Number(plain.stderr)).toBe(COMMANDS.length + LENGTH + REST.length);
}, 240_000);
