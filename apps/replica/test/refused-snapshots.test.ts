import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ScriptedPrimary } from '@forebay/conformance';
import { Crc64 } from '@forebay/rdb';
import { bytesOf, concatBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from './daemon.ts';
import { forebay } from './rdb/run.ts';

const ID = 'a'.repeat(40);
const PING = '*1\r\n$4\r\nPING\r\n';

/** An RDB of that body, with its checksum or with none, as a primary sends it. */
function rdb(body: string, isSummed = true): Uint8Array {
  const bytes = bytesOf(`REDIS0011\xfa\x09redis-ver\x059.1.2\xfe\0${body}\xff`);
  const crc = new Crc64();
  crc.push(bytes);
  return concatBytes([bytes, isSummed ? crc.digest() : new Uint8Array(8)]);
}

const SOUND = rdb('\0\x01k\x05value');
const WRONG_SUM = Uint8Array.from(SOUND, (byte, i) => (i === SOUND.length - 1 ? byte ^ 1 : byte));
const WITHOUT_END = SOUND.subarray(0, -12);
/** A hash whose listpack says that it is longer than it is. */
const DAMAGED_VALUE = '\x10\x07the key\x07\x0a\0\0\0\0\0\xff\0\x01a\x01b';
const NEWER_TYPE = '\x63\x07the keyanything';

const full = (snapshot: Uint8Array, stream = '') =>
  concatBytes([
    bytesOf(`+FULLRESYNC ${ID} 5\r\n$${snapshot.length}\r\n`),
    snapshot,
    bytesOf(stream),
  ]);

const follow = (primary: ScriptedPrimary, directory: string, ...flags: string[]) => {
  const address = ['127.0.0.1', String(primary.port)];
  return Daemon.start(['replica', '--replicaof', ...address, '--dir', directory, ...flags]);
};

/** Sends a snapshot to whoever asks for one. */
function primaryOf(snapshot: Uint8Array) {
  return ScriptedPrimary.listen(async (peer) => {
    await peer.handshake();
    await peer.send(full(snapshot));
    await peer.closed;
  });
}

describe('a damaged snapshot', () => {
  it('does not replace the log, whose position is requested again and can be restored', async () => {
    const asked: string[][] = [];
    // Other connections ask for INFO alone.
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      const time = asked.push((await peer.handshake()).psync);
      if (time === 1) await peer.send(full(SOUND, PING));
      if (time === 1) await peer.skipTo('REPLCONF', 'ACK', '19');
      if (time === 2) await peer.send(full(WRONG_SUM));
      if (time === 3) await peer.send('+CONTINUE\r\n');
      if (time === 1) peer.end();
      await peer.closed;
    });
    const directory = await freshDirectory();
    const daemon = follow(primary, directory);
    const byte = WRONG_SUM.length - 8;
    await daemon.prints(
      new RegExp(
        `snapshot from 127.0.0.1:${primary.port} refused: the checksum at byte ${byte} is wrong: .*; ` +
          'the log is unchanged; next attempt in [2-5]\\.\\d s',
      ),
    );
    await daemon.prints(/partial resync/);
    expect(asked.slice(1)).toEqual([
      ['PSYNC', ID, '20'],
      ['PSYNC', ID, '20'],
    ]);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed.match(/full copy done/g)).toHaveLength(1);
    expect((await forebay(['check', directory])).code).toBe(0);
    const out = `${directory}-restored`;
    expect((await forebay(['restore', directory, '--out', out, '--at', `${ID}:19`])).code).toBe(0);
    expect(
      (await readdir(join(directory, 'appendonlydir'))).filter((name) => name.endsWith('.rdb')),
    ).toHaveLength(1);
  });

  it('without an end is logged and requested again, and the daemon continues', async () => {
    let asked = 0;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      asked++;
      await peer.send(full(asked === 1 ? WITHOUT_END : SOUND));
      await peer.closed;
    });
    const daemon = follow(primary, await freshDirectory());
    const end = WITHOUT_END.length;
    await daemon.prints(
      new RegExp(
        ` refused: the RDB ends at byte ${end}, before its end, in the value of key "k" .*; next attempt in`,
      ),
    );
    await daemon.prints(/full copy done/);
    expect(await daemon.stop()).toBe(0);
  });

  it('does not become a fresh base', async () => {
    let asked = 0;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      asked++;
      if (asked === 1) await peer.send(full(SOUND, PING));
      else
        await peer.send(
          concatBytes([bytesOf(`+FULLRESYNC ${ID} 19\r\n$${WRONG_SUM.length}\r\n`), WRONG_SUM]),
        );
      await peer.closed;
    });
    const directory = await freshDirectory();
    const hasty = ['--auto-aof-rewrite-min-size', '1', '--auto-aof-rewrite-percentage', '1'];
    const daemon = follow(primary, directory, ...hasty, '--base-interval', '1s');
    await daemon.prints(
      /fetch of a fresh base failed: snapshot from \S+ refused: the checksum at byte \d+ is wrong/,
    );
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).not.toContain('fresh base done');
    expect((await forebay(['check', directory])).code).toBe(0);
  });

  it('is not left behind by dump, which ends with 1', async () => {
    await using primary = await primaryOf(WRONG_SUM);
    const directory = await freshDirectory();
    const file = `${directory}.rdb`;
    const { code, stderr } = await forebay(['dump', primary.url, '-o', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      / refused: the checksum at byte \d+ is wrong: .*: nothing was left in \S+\n$/,
    );
    await expect(readdir(file)).rejects.toThrow('ENOENT');
  });
});

describe('a snapshot with a flaw', () => {
  it.each([
    [
      'a damaged value',
      DAMAGED_VALUE,
      /the snapshot has a damaged value: key "the key" of database 0: the listpack at byte \d+ contradicts itself.*; adopted, since the checksum proves/,
    ],
    [
      'a type that is newer',
      NEWER_TYPE,
      /newer than this forebay and was adopted unchanged \(key "the key" has a value of type 99.*\): .*only Redis 9\.1\.2 or newer can load the snapshot/,
    ],
  ])('that its checksum proves, %s, is adopted with a warning', async (_, body, warning) => {
    await using primary = await primaryOf(rdb(body));
    const directory = await freshDirectory();
    const daemon = follow(primary, directory);
    await daemon.prints(/full copy done/);
    await daemon.prints(warning);
    expect(await daemon.stop()).toBe(0);
    const { code, stdout } = await forebay(['check', directory]);
    expect(stdout.toString()).toMatch(
      /^warning: .*key "the key".*\n.*nothing is wrong, 1 warning\n$/,
    );
    expect(code).toBe(0);
  });

  it('without a checksum is refused, and the log line names the setting that adopts it', async () => {
    await using primary = await primaryOf(rdb(NEWER_TYPE, false));
    const directory = await freshDirectory();
    const daemon = follow(primary, directory);
    await daemon.prints(
      /type 99.*without a checksum.*set rdbchecksum yes on the primary, or use --accept-unverified-rdb to adopt/,
    );
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).not.toContain('full copy done');

    const other = follow(primary, directory, '--accept-unverified-rdb');
    await other.prints(/full copy done/);
    await other.prints(
      /only Redis 9\.1\.2 or newer can load the snapshot; adopted, since --accept-unverified-rdb is set/,
    );
    expect(await other.stop()).toBe(0);
  });

  it('without a checksum is adopted after SIGHUP has read accept-unverified-rdb', async () => {
    await using primary = await primaryOf(rdb(NEWER_TYPE, false));
    const directory = await freshDirectory();
    const file = `${directory}.toml`;
    await mkdir(dirname(file), { recursive: true });
    const settings = `replicaof = "127.0.0.1 ${primary.port}"\ndir = "${directory}"\n`;
    await writeFile(file, settings);
    const daemon = Daemon.start(['replica', '--config', file]);
    await daemon.prints(/next attempt in/);
    await writeFile(file, `${settings}accept-unverified-rdb = true\n`);
    daemon.signal('SIGHUP');
    await daemon.prints(/full copy done/);
    expect(daemon.printed.match(/snapshot from \S+ refused/g)).toHaveLength(1);
    expect(await daemon.stop()).toBe(0);
  });
});
