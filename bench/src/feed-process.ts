// Goes through a log once, in a process of its own: what others have left in memory is nobody's cost.
// Arguments: the directory, how ("feed", "feed PATTERN" or "redis-parser"). Prints commands, CPU seconds,
// and seconds by the clock, the start of the process not among them.
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { feed } from '@forebay/feed';
import { APPEND_DIRECTORY } from '@forebay/log';
import { PEERS } from './decoders.ts';
import { LOG_ID } from './log-id.ts';

const [directory = '', how = '', pattern] = process.argv.slice(2);
const [cpu, since] = [process.cpuUsage(), performance.now()];
const commands = how === 'feed' ? await changes() : await parsed();
const { user, system } = process.cpuUsage(cpu);
const seconds = [(user + system) / 1e6, (performance.now() - since) / 1000];
process.stdout.write(`${[commands, ...seconds].join(' ')}\n`);

/** From the files of the log to the body of a `for await`, every checksum compared. */
async function changes(): Promise<number> {
  const filter = pattern === undefined ? {} : { match: [pattern] };
  const from = { id: LOG_ID, offset: 0 };
  let keys = 0;
  for await (const item of feed({ dir: directory, from, follow: false, ...filter })) {
    // What is made has to be looked at, or it might not be.
    if (item.type === 'change') keys += item.keys?.length ?? 0;
  }
  return keys;
}

/** The same bytes, straight from the file, as arrays of Buffers and nothing more. */
async function parsed(): Promise<number> {
  const inner = join(directory, APPEND_DIRECTORY);
  const decode = PEERS['redis-parser']();
  let commands = 0;
  for (const name of await readdir(inner)) {
    if (!name.endsWith('.incr.aof')) continue;
    const file = createReadStream(join(inner, name), { highWaterMark: 256 * 1024 });
    for await (const chunk of file) commands += decode(chunk as Buffer);
  }
  return commands;
}
