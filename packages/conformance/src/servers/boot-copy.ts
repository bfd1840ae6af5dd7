import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ConformanceError } from '../errors.ts';
import type { InstalledServer } from './installed.ts';
import type { ServerOptions } from './preparation.ts';
import { Server } from './server.ts';

export interface BootCopyOptions {
  /**
   * Whether the server cuts off a torn last command and goes on (`yes`, every server's default) or
   * refuses to boot (`no`). A copy of a directory that is being written may be torn.
   */
  readonly loadTruncated?: 'yes' | 'no';
  readonly config?: ServerOptions['config'];
}

/** A file named by a manifest, in the order it is loaded. */
export interface ManifestFile {
  readonly name: string;
  readonly sequence: number;
  readonly type: 'base' | 'increment';
}

const FOLDER = 'appendonlydir';
const MANIFEST = 'appendonly.aof.manifest';
/** A directory that is being written may change its files while they are copied. */
const TRIES = 5;

/**
 * Copies a directory in the multi-part append-only layout and boots a server of that version from
 * the copy; the directory itself is only read. A server that does not know the layout (Redis 6) gets
 * the same bytes in one file: the base, then each increment.
 *
 * The booted server is a primary of its own: it deletes keys as their time comes, by the clock, and
 * it logs that to its copy. Absolute times stay what they were; relative ones (streams of primaries
 * before 7.0) count from the moment of loading. Its directory goes with `stop`.
 *
 * @throws {ConformanceError} `BAD_DIRECTORY`, and what `Server.start` throws
 */
export async function bootCopy(
  installed: InstalledServer,
  replicaDirectory: string,
  { loadTruncated = 'yes', config = {} }: BootCopyOptions = {},
): Promise<Server> {
  const copy = await mkdtemp(join(tmpdir(), 'forebay-copy-'));
  try {
    const files = await copyAll(replicaDirectory, copy);
    if (!installed.multipart) await joinFiles(copy, files);
    return await Server.start(installed, {
      directory: copy,
      removeDirectory: true,
      config: {
        appendonly: 'yes',
        appendfsync: 'no',
        'aof-load-truncated': loadTruncated,
        'aof-use-rdb-preamble': 'yes',
        'auto-aof-rewrite-percentage': 0,
        ...(installed.multipart ? { appenddirname: FOLDER } : {}),
        ...config,
      },
    });
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The files a manifest names that a server loads: the base, then the increments by sequence. Lines
 * look like `file NAME seq N type b|i`, with further pairs possible; `#` begins a comment. Files of
 * type `h` (history, to be deleted) are left out.
 *
 * @throws {ConformanceError} `BAD_DIRECTORY`
 */
export function parseManifest(text: string): ManifestFile[] {
  const files: ManifestFile[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const words = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
    const pairs = new Map<string, string>();
    for (let i = 0; i + 1 < words.length; i += 2) pairs.set(words[i]!, words[i + 1]!);
    const name = unquoted(pairs.get('file') ?? '');
    const sequence = Number(pairs.get('seq'));
    const type = pairs.get('type');
    if (name === '' || name.includes('/') || !Number.isSafeInteger(sequence)) throw bad(line);
    if (type === 'b') files.push({ name, sequence, type: 'base' });
    else if (type === 'i') files.push({ name, sequence, type: 'increment' });
    else if (type !== 'h') throw bad(line);
  }
  const order = ({ type, sequence }: ManifestFile): number => (type === 'base' ? -1 : sequence);
  return files.sort((a, b) => order(a) - order(b));
}

async function copyAll(from: string, to: string): Promise<ManifestFile[]> {
  const [source, target] = [join(from, FOLDER), join(to, FOLDER)];
  for (let attempt = 1; ; attempt++) {
    try {
      const manifest = await readFile(join(source, MANIFEST), 'utf8');
      const files = parseManifest(manifest);
      await mkdir(target, { recursive: true });
      for (const { name } of files) await copyFile(join(source, name), join(target, name));
      await writeFile(join(target, MANIFEST), manifest);
      return files;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT') throw error;
      if (attempt === TRIES) {
        throw new ConformanceError('BAD_DIRECTORY', `${from} cannot be copied`, {
          detail: String(error),
        });
      }
      await rm(target, { recursive: true, force: true });
    }
  }
}

/** The one-file form, which begins with an RDB where there is a base. */
async function joinFiles(directory: string, files: readonly ManifestFile[]): Promise<void> {
  const whole = join(directory, 'appendonly.aof');
  await writeFile(whole, '');
  for (const { name } of files) {
    const part = join(directory, FOLDER, name);
    await pipeline(createReadStream(part), createWriteStream(whole, { flags: 'a' }));
  }
  await rm(join(directory, FOLDER), { recursive: true });
}

function unquoted(name: string): string {
  return name.startsWith('"') ? (JSON.parse(name) as string) : name;
}

function bad(line: string): ConformanceError {
  return new ConformanceError('BAD_DIRECTORY', 'a line of the manifest is not understood', {
    detail: line,
  });
}
