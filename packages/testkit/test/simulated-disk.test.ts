import { describe, expect, it } from 'vitest';
import type { SimulatedDisk } from '../src/index.ts';
import { bytesOf, randomFrom } from '../src/index.ts';
import { afterPowerCuts, append, newDisk, SEEDS, syncedFile, textIn } from './disks.ts';

describe('a power cut', () => {
  it('leaves what was synced, whatever was written behind it', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        const file = await syncedFile(disk, 'synced');
        for (let i = 0; i < 5; i++) await append(file, `+${i}`);
      },
      (disk) => textIn(disk).slice(0, 6),
    );
    expect([...seen]).toEqual(['synced']);
  });

  it('leaves every synced byte that nothing has touched since', async () => {
    for (const seed of SEEDS.slice(0, 100)) {
      const disk = newDisk(seed, { slowWriteRate: 0.2 });
      const random = randomFrom(seed + 1000);
      const file = await syncedFile(disk);
      let synced = new Map<number, number>();
      for (let step = 0; step < 30; step++) {
        const size = await file.size();
        const kind = random.integer(0, 5);
        if (kind === 0) {
          await file.sync();
          synced = new Map(disk.peek('/f').entries());
        } else if (kind === 1) {
          const end = random.integer(0, size);
          await file.truncate(end);
          for (const place of synced.keys()) if (place >= end) synced.delete(place);
        } else {
          const place = random.integer(Math.max(0, size - 100), size + 10);
          const taken = await file.write(random.bytes(random.integer(1, 1500)), place);
          for (let i = 0; i < taken; i++) synced.delete(place + i);
        }
      }
      disk.crash('power');
      const left = disk.peek('/f');
      const lost = [...synced].filter(([place, byte]) => left[place] !== byte);
      expect(lost, `seed ${seed}`).toEqual([]);
    }
  });

  it('leaves some of what was not synced: none, all, a part, or zeros in its place', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        const file = await syncedFile(disk, 'a');
        await append(file, 'bc');
        await append(file, 'd');
      },
      (disk) => textIn(disk),
    );
    for (const each of ['a', 'abcd', 'abc', 'ab', 'a\0\0d', 'a\0\0']) expect(seen).toContain(each);
    for (const each of seen) expect(each).toMatch(/^a([b\0]([c\0]([d\0])?)?)?$/);
  });

  it('tears a long write at the edges of sectors', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        const file = await syncedFile(disk, 'a'.repeat(100));
        await append(file, 'b'.repeat(1436));
      },
      (disk) =>
        textIn(disk)
          .replaceAll('\0', 'z')
          .replace(/(.)\1*/g, (run) => run.charAt(0) + run.length),
    );
    expect(seen).toContain('a100z412b512z512');
    expect(seen).toContain('a100b412z512b512');
  });

  it('may lose an overwrite or a truncation, and keep what came after', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        const file = await syncedFile(disk, 'abcd');
        await file.truncate(2);
        await append(file, 'x');
      },
      (disk) => textIn(disk),
    );
    for (const each of ['abcd', 'ab', 'abx', 'abxd']) expect(seen).toContain(each);
  });

  it('in the middle of a sync leaves any of it, and the sync is never answered well', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        const file = await syncedFile(disk, '');
        await append(file, 'a');
        const syncing = file.sync();
        disk.crash('power');
        await expect(syncing).rejects.toMatchObject({ code: 'EBADF' });
      },
      (disk) => textIn(disk),
    );
    expect(seen).toContain('');
    expect(seen).toContain('a');
  });

  it('begins another run of the machine, and a crash of the process does not', async () => {
    const disk = newDisk();
    const { bootId } = disk;
    disk.poke('/f', bytesOf('x'));
    const ofThisRun = async () => (await disk.stat('/f')).ofThisRun;
    disk.crash('process');
    expect([disk.bootId, await ofThisRun()]).toEqual([bootId, true]);
    disk.crash('power');
    expect(disk.bootId).not.toBe(bootId);
    expect(await ofThisRun()).toBe(false);
    await (await disk.open('/f', 'write')).write(bytesOf('y'), 0);
    expect(await ofThisRun()).toBe(true);
  });

  it('does the same again for the same seed', async () => {
    const run = async (seed: number) => {
      const disk = newDisk(seed, { slowWriteRate: 0.5 });
      const file = await syncedFile(disk, 'abc');
      for (let i = 0; i < 10; i++) await append(file, `line ${i}\n`);
      disk.crash('power');
      return textIn(disk);
    };
    for (const seed of SEEDS) expect(await run(seed)).toBe(await run(seed));
  });
});

describe('a name', () => {
  it('that was not synced may vanish with all its synced bytes', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        const file = await disk.open('/f', 'create');
        await append(file, 'synced');
        await file.sync();
      },
      (disk) =>
        disk
          .paths()
          .map((path) => textIn(disk, path))
          .join(),
    );
    expect([...seen].sort()).toEqual(['', 'synced']);
  });

  it('that was synced may lead to bytes that were not', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        const file = await disk.open('/f', 'create');
        await append(file, 'new');
        await disk.syncDirectory('/');
      },
      (disk) => textIn(disk),
    );
    expect(seen).toContain('');
    expect(seen).toContain('new');
  });

  it('renamed without a sync of its directory may be as before, and never half', async () => {
    const prepare = async (disk: SimulatedDisk) => {
      disk.poke('/f', bytesOf('old'));
      disk.poke('/temp', bytesOf('new'));
      await disk.rename('/temp', '/f');
    };
    const look = (disk: SimulatedDisk) =>
      disk
        .paths()
        .map((path) => path + textIn(disk, path))
        .join();
    const seen = await afterPowerCuts(prepare, look);
    expect([...seen].sort()).toEqual(['/fnew', '/fold,/tempnew']);
  });

  it('moved to another directory is in one of them, and stays when either was synced', async () => {
    const move = async (disk: SimulatedDisk) => {
      disk.poke('/a/f', bytesOf('x'));
      disk.poke('/b/other', bytesOf('y'));
      await disk.rename('/a/f', '/b/f');
    };
    const look = (disk: SimulatedDisk) => disk.paths().join();
    expect([...(await afterPowerCuts(move, look))].sort()).toEqual([
      '/a/f,/b/other',
      '/b/f,/b/other',
    ]);
    for (const synced of ['/a', '/b']) {
      const moveAndSync = async (disk: SimulatedDisk) => {
        await move(disk);
        await disk.syncDirectory(synced);
      };
      expect([...(await afterPowerCuts(moveAndSync, look))]).toEqual(['/b/f,/b/other']);
    }
  });

  it('moved to another directory keeps its place among the changes of both', async () => {
    const move = async (disk: SimulatedDisk) => {
      disk.poke('/a/f', bytesOf('x'));
      disk.poke('/b/g', bytesOf('y'));
      await disk.open('/a/before', 'create');
      await disk.rename('/a/f', '/b/f');
      await disk.open('/a/behind', 'create');
    };
    const look = (disk: SimulatedDisk) => disk.paths().join();
    expect([...(await afterPowerCuts(move, look))].sort()).toEqual([
      '/a/before,/a/behind,/b/f,/b/g',
      '/a/before,/a/f,/b/g',
      '/a/before,/b/f,/b/g',
      '/a/f,/b/g',
    ]);
    const disk = newDisk();
    await move(disk);
    await disk.syncDirectory('/b');
    expect(disk.durable('/a/before')).toBeDefined();
    expect(disk.durable('/a/behind')).toBeUndefined();
  });

  it('is not changed before the names that were changed earlier in its directory', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        for (const name of ['a', 'b', 'c']) await disk.open(name, 'create');
        await disk.remove('a');
      },
      (disk) => disk.paths().join(),
    );
    expect([...seen].sort()).toEqual(['', '/a', '/a,/b', '/a,/b,/c', '/b,/c']);
  });

  it('in a directory whose own name was not synced goes with it', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        await disk.makeDirectory('/new');
        await disk.open('/new/f', 'create');
        await disk.syncDirectory('/new');
      },
      (disk) => disk.paths().join(),
    );
    expect([...seen].sort()).toEqual(['', '/new/f']);
  });
});

describe('a crash of the process', () => {
  it('leaves all that was written, synced or not, in its place', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk, 'a');
    await append(file, 'b');
    await disk.rename('/f', '/g');
    disk.crash('process');
    expect([disk.paths(), textIn(disk, '/g')]).toEqual([['/g'], 'ab']);
  });

  it('leaves open what a later power cut takes', async () => {
    const prepare = async (disk: SimulatedDisk) => {
      await append(await syncedFile(disk, 'a'), 'b');
      disk.crash('process');
    };
    expect(await afterPowerCuts(prepare, (disk) => textIn(disk))).toContain('a');
  });

  it('ends every open file and lock', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk, 'a');
    const lock = await disk.lock('/lock');
    disk.crash('process');
    expect([disk.openFiles, disk.heldLocks]).toEqual([0, 0]);
    expect(() => file.write(bytesOf('b'), 1)).toThrow('EBADF');
    for (const call of [file.size(), file.sync(), file.close(), lock?.release()]) {
      await expect(call).rejects.toMatchObject({ code: 'EBADF' });
    }
    expect(textIn(disk)).toBe('a');
  });

  it('keeps what the process had asked for from happening, and whatever it asks for later', async () => {
    const disk = newDisk();
    const { process } = disk;
    const opening = process.open('/f', 'create');
    disk.crash('process');
    await expect(opening).rejects.toMatchObject({ code: 'EBADF' });
    await expect(process.open('/f', 'create')).rejects.toMatchObject({ code: 'EBADF' });
    expect(disk.paths()).toEqual([]);
    await disk.process.open('/f', 'create');
    expect(disk.paths()).toEqual(['/f']);
  });

  it('may come before any operation, which then has no effect', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk, 'a');
    disk.onOperation = (operation) => {
      if (operation === 'write') disk.crash('process');
    };
    expect(() => file.write(bytesOf('b'), 1)).toThrow('EBADF');
    expect(textIn(disk)).toBe('a');
  });
});
