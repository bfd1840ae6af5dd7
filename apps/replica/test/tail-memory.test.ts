import { RdbWriter } from '@forebay/rdb';
import { expect, it } from 'vitest';
import { freshDirectory } from './daemon.ts';
import { printedInto } from './rdb/run.ts';
import { A, newLog } from './small-log.ts';

const MIB = 1024 * 1024;
const LENGTH = 128 * MIB;
/** Says at the end how much memory there was at most, in kilobytes. */
const TELL = 'process.on("exit", () => console.error("peak", process.resourceUsage().maxRSS))';

/** A directory whose snapshot, or else whose stream, has one value of that size. */
async function holding(where: 'snapshot' | 'stream'): Promise<string> {
  const value = Buffer.alloc(LENGTH, 'abcdefghij');
  const directory = await freshDirectory();
  const writer = new RdbWriter({ magic: 'REDIS', version: 9 }, { compress: false });
  if (where === 'snapshot') {
    writer.write({ type: 'key', key: Buffer.from('k'), dataType: 'string', database: 0 });
    writer.write({ type: 'value', value });
    writer.write({ type: 'key-end' });
  }
  writer.write({ type: 'end' });
  const { log, append } = await newLog(directory, writer.take());
  if (where === 'stream') await append('SET', 'k', value);
  await log.close();
  return directory;
}

it.each([
  ['snapshot', ['--snapshot']],
  ['stream', ['--since', `${A}:0`]],
] as const)(
  'tail holds a large value of the %s once, as JSON and as commands',
  async (where, flags) => {
    const directory = await holding(where);
    const options = process.env.NODE_OPTIONS ?? '';
    process.env.NODE_OPTIONS = `${options} --import=data:text/javascript,${encodeURIComponent(TELL)}`;
    try {
      for (const format of ['json', 'resp']) {
        const args = ['tail', '--dir', directory, '--no-follow', '--format', format, ...flags];
        const { code, stdout, stderr } = await printedInto(args, 'wc -c');
        expect(code, stderr).toBe(0);
        expect(Number(stdout)).toBeGreaterThan(LENGTH);
        const peak = Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024;
        // Of the program itself about 80 MiB; another copy would be 128 more.
        expect(peak, format).toBeLessThan(128 + 160);
      }
    } finally {
      process.env.NODE_OPTIONS = options;
    }
  },
  120_000,
);
