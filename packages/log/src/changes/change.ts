import type { Clock } from '@forebay/clock';
import type { Disk } from '../disk/disk.ts';
import type { IncrementWriter, WriterOptions } from '../increment/increment-writer.ts';
import type { Manifest } from '../manifest/manifest.ts';

/** What changes are made with. */
export interface LogContext {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly writerOptions: WriterOptions;
  /** The path of a file of the log, by its name. */
  readonly pathOf: (name: string) => string;
  /** A number that no file has yet. */
  readonly nextSequence: () => number;
  /** Files that no manifest names any longer, oldest first: the newest stay for a while. */
  readonly superseded: SupersededFile[];
}

/** A file that another has taken the place of. */
export interface SupersededFile {
  readonly name: string;
  /** Its size in bytes. */
  readonly bytes: number;
}

/** What is held, and the file that is written. */
export interface Current {
  readonly manifest: Manifest;
  readonly writer: IncrementWriter;
}

/**
 * What is to become of a log: the new files are there and synced, and nothing holds before the
 * manifest is renamed into place. Then the writer takes over from the one before, and `afterwards`
 * removes what is not needed any longer; a crash before that costs room and nothing else.
 */
export interface Change extends Current {
  readonly afterwards?: () => Promise<void>;
}

/** The manifest of a log that is being written to. */
export function opened({ closedSize: _, ...manifest }: Manifest): Manifest {
  return manifest;
}
