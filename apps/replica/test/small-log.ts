import { writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { Log } from '@forebay/log';
import { StreamTracker, startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';

export const A = 'a'.repeat(40);
export const B = 'b'.repeat(40);
export const EMPTY_RDB = Buffer.from('REDIS0006\xff\0\0\0\0\0\0\0\0', 'latin1');

/** A log of `A` from 0 on, to be written to as the daemon does it. */
export async function newLog(
  directory: string,
  rdb: Uint8Array = EMPTY_RDB,
): Promise<{ log: Log; append: Append; begin: Begin }> {
  const log = await Log.open(directory, { fsync: 'no' });
  let stream = new StreamTracker({ offset: 0 });
  const begin = async (offset: number, id: string) => {
    const target = log.awaitBase();
    await writeFile(target.path, rdb);
    const base = { target, size: rdb.length, crc: crc32(rdb), reason: 'a test' };
    await log.beginHistory({ ...base, history: startHistory(id), offset, database: 0 });
    stream = new StreamTracker({ offset });
  };
  await begin(0, A);
  const append = async (...words: (string | Buffer)[]) => {
    const bytes = encodeCommand(words);
    stream = stream.offset === log.written ? stream : new StreamTracker({ offset: log.written });
    stream.push(bytes);
    await log.append(bytes, stream.boundary);
  };
  return { log, append, begin };
}

type Append = (...words: (string | Buffer)[]) => Promise<void>;
type Begin = (offset: number, id: string) => Promise<void>;
