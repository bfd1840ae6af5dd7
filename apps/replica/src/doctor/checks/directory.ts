import { open, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { nodeDisk } from '@forebay/log';
import { EXIT } from '../../exit.ts';
import { formatBytes } from '../../reporter.ts';
import type { Check } from '../check.ts';
import type { Finding } from '../finding.ts';
import { bad, good, warning } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** Syncs that are timed, each of a page. */
const SYNCS = 20;
const PAGE = 4096;

/** Milliseconds of a sync that is slow for a disk of its own. */
const SLOW = 50;

const isWanted = ({ options }: Subject): boolean => options.directory !== undefined;

/** The place of the log, where it is named. */
export const directoryChecks: readonly Check[] = [
  {
    name: 'directory',
    tries: 'whether --dir can be written to',
    needs: [],
    isWanted,
    run: writable,
  },
  {
    name: 'disk',
    tries: 'its room against the data set and the stream',
    needs: ['directory', 'write rate'],
    isWanted,
    run: space,
  },
  {
    name: 'fsync',
    tries: 'how long it takes to sync a page',
    needs: ['directory'],
    isWanted,
    run: sync,
  },
];

async function writable({ options }: Subject): Promise<readonly Finding[]> {
  const { directory, isThere } = await standing(options.directory!);
  const path = join(directory, `.forebay-doctor-${process.pid}`);
  try {
    const file = await open(path, 'wx', 0o600);
    await file.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [
      bad(EXIT.disk, `${directory} cannot be written to: ${code}`, 'give a directory that can be'),
    ];
  } finally {
    await rm(path, { force: true }).catch(() => {});
  }
  const what = isThere ? directory : `${options.directory}, which is made in ${directory},`;
  return [good(`${what} can be written to`)];
}

async function space(subject: Subject): Promise<readonly Finding[]> {
  const { directory } = await standing(subject.options.directory!);
  const { free } = await nodeDisk.space(directory);
  const data = subject.figure('used_memory');
  const { bytes: rate } = subject.rate;
  const retained = ((subject.options.retained ?? 0) / 1000) * rate;
  const has = `${formatBytes(free)} free`;
  if (free < data) {
    const message = `${has}, and the data set is ${formatBytes(data)} in memory: a full copy may not fit`;
    return [bad(EXIT.disk, message, 'make room, or give another directory')];
  }
  if (free < 2 * data) {
    const message = `${has}: a copy of ${formatBytes(data)} fits, a fresh one beside it may not`;
    return [warning(message, `room for ${formatBytes(2 * data + retained)}`)];
  }
  if (free < 2 * data + retained) {
    const message = `${has}: at this rate the stream that --retain keeps is ${formatBytes(retained)}`;
    return [
      warning(message, 'less in --retain, or more room; --max-disk lets go before it is full'),
    ];
  }
  return [
    good(`${has}, for two copies of ${formatBytes(data)}, and ${formatBytes(retained)} of stream`),
  ];
}

async function sync({ options }: Subject): Promise<readonly Finding[]> {
  const { directory } = await standing(options.directory!);
  const path = join(directory, `.forebay-doctor-${process.pid}`);
  const times: number[] = [];
  const file = await open(path, 'wx', 0o600);
  try {
    for (let i = 0; i < SYNCS; i++) {
      const begin = performance.now();
      await file.write(Buffer.alloc(PAGE, i));
      await file.datasync();
      times.push(performance.now() - begin);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  const [median = 0, most = 0] = [SYNCS >> 1, SYNCS - 1].map((i) => times.sort((a, b) => a - b)[i]);
  const message = `${median.toFixed(1)} ms, at most ${most.toFixed(1)} ms`;
  if (median < SLOW) return [good(message)];
  return [warning(`${message}: WAITAOF and --appendfsync always wait for it`, 'a disk of its own')];
}

/** The directory, or what is there of the way to it. */
async function standing(path: string): Promise<{ directory: string; isThere: boolean }> {
  let directory = resolve(path);
  for (let isThere = true; ; isThere = false) {
    const isDirectory = await stat(directory).then(
      () => true,
      () => false,
    );
    if (isDirectory || dirname(directory) === directory) return { directory, isThere };
    directory = dirname(directory);
  }
}
