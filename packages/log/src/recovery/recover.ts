import type { Current, LogContext } from '../changes/change.ts';
import { LogError, orLogError } from '../errors.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { IncrementWriter } from '../increment/increment-writer.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { historyOf, lastIncrement } from '../manifest/manifest.ts';
import { adoptCopy } from './adopt-copy.ts';
import { checkFiles, checkPreamble, cutExcess, sweep } from './check-files.ts';
import type { LogEnd } from './log-end.ts';
import { recoverEnd } from './recover-end.ts';
import { settleCopy } from './settle-copy.ts';

/** A log as it was found, open to be written on. */
export interface Recovered extends Current {
  readonly found: LogEnd;
  /** When its last byte arrived, milliseconds since 1970. */
  readonly arrived: number;
  /** Why nothing can be appended: there is no room for the record that this run writes. */
  readonly refused: LogError | undefined;
}

/**
 * Takes up what a directory holds, at the last byte that can be vouched for.
 *
 * @throws {LogError} `FOREIGN`, `CORRUPT`, `IO`
 */
export async function recover(
  context: LogContext,
  directory: string,
  named: Manifest,
): Promise<Recovered> {
  const { disk, pathOf, writerOptions } = context;
  // What a crash came after may be in the system's memory only: what is gone on from has to last.
  const inner = pathOf('');
  await orLogError(inner, 'syncing', () => disk.syncDirectory(inner));
  const settled = await settleCopy(disk, directory, named);
  let { manifest } = settled;
  await checkFiles(disk, directory, manifest);
  const increment = lastIncrement(manifest.live);
  const reader = await IncrementReader.open(disk, pathOf, increment);
  try {
    await checkPreamble(reader);
    const { stream, index, dropped, isCopy } = await recoverEnd(disk, reader, manifest);
    if (isCopy) manifest = await adoptCopy(disk, directory, named, settled);
    await cutExcess(disk, directory, manifest);
    await sweep(disk, directory, manifest);
    const end = { offset: stream.offset, boundary: stream.boundary };
    const history = historyOf(manifest.live);
    const copied = isCopy ? { copied: settled.leftOut } : {};
    const found = { history, offset: stream.offset, stream, dropped, ...copied };
    const recovered = { manifest, found, arrived: index.time };
    const opening = [pathOf, increment, end, index, writerOptions] as const;
    const begun = await IncrementWriter.begin(...opening).catch((error: unknown) => {
      if (error instanceof LogError && error.noRoom) return error;
      throw error;
    });
    if (begun instanceof LogError) {
      const writer = await IncrementWriter.openToRead(...opening);
      return { ...recovered, writer, refused: begun };
    }
    // A failed sync is different: the unsynced bytes may be lost.
    await begun.confirm(index.synced);
    return { ...recovered, writer: begun, refused: undefined };
  } finally {
    await reader.close();
  }
}
