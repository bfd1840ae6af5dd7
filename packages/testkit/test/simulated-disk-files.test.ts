import { describe, expect, it } from 'vitest';
import { bytesOf, textOf } from '../src/index.ts';
import { newDisk, SEEDS, syncedFile, textIn } from './disks.ts';

describe('a file system', () => {
  it('refuses what is not there, and what is of the wrong kind', async () => {
    const disk = newDisk();
    disk.poke('/d/f', bytesOf('a'));
    const reading = await disk.open('/d/f', 'read');
    expect(() => reading.write(bytesOf('b'), 0)).toThrow('EBADF');
    const refusals: [Promise<unknown>, string][] = [
      [disk.open('/g', 'read'), 'ENOENT'],
      [disk.open('/g', 'write'), 'ENOENT'],
      [disk.open('/none/g', 'create'), 'ENOENT'],
      [disk.open('/d', 'read'), 'EISDIR'],
      [disk.stat('/g'), 'ENOENT'],
      [disk.list('/none'), 'ENOENT'],
      [disk.list('/d/f'), 'ENOTDIR'],
      [disk.rename('/g', '/h'), 'ENOENT'],
      [disk.rename('/d/f', '/none/f'), 'ENOENT'],
      [disk.syncDirectory('/none'), 'ENOENT'],
      [disk.makeDirectory('/d/f/e'), 'ENOTDIR'],
      [reading.truncate(0), 'EINVAL'],
    ];
    for (const [refused, code] of refusals) await expect(refused).rejects.toMatchObject({ code });
    await disk.remove('/g');
  });

  it('lists names, dates files and empties what is created again', async () => {
    const disk = newDisk(1, { clock: { now: () => 123 } });
    await disk.makeDirectory('/a/b');
    await disk.makeDirectory('/a/b');
    const file = await disk.open('/a/b/f', 'create');
    await file.write(bytesOf('abc'), 0);
    await disk.open('/a/b/g', 'create');
    expect((await disk.list('/a/b')).sort()).toEqual(['f', 'g']);
    expect(await disk.stat('/a/b/f')).toMatchObject({ size: 3, modified: 123, ofThisRun: true });
    await disk.open('/a/b/f', 'create');
    expect([await file.size(), disk.openFiles]).toEqual([0, 3]);
  });

  it('removes a directory with all below it, and nothing beside it', async () => {
    const disk = newDisk();
    for (const path of ['/a/b/f', '/a/g', '/ab']) disk.poke(path, bytesOf('x'));
    await disk.removeTree('/a');
    await disk.removeTree('/a');
    expect([disk.paths(), await disk.list('/')]).toEqual([['/ab'], ['ab']]);
    disk.readOnly = true;
    await expect(disk.removeTree('/ab')).rejects.toMatchObject({ code: 'EROFS' });
  });

  it('has zeros between its end and a write behind it, whatever was there before', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk, 'abcd');
    await file.truncate(1);
    await file.write(bytesOf('x'), 3);
    expect(textIn(disk)).toBe('a\0\0x');
  });

  it('takes a second close for none, and nothing else of a closed file', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk);
    await Promise.all([file.close(), file.close()]);
    await file.close();
    expect(disk.openFiles).toBe(0);
    expect(() => file.write(bytesOf('a'), 0)).toThrow('EBADF');
    await expect(file.sync()).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('reads through an open file what was removed or replaced', async () => {
    const disk = newDisk();
    disk.poke('/f', bytesOf('old'));
    disk.poke('/g', bytesOf('new'));
    const file = await disk.open('/f', 'read');
    await disk.rename('/g', '/f');
    const into = new Uint8Array(3);
    await file.read(into, 0);
    expect([textOf(into), textIn(disk)]).toEqual(['old', 'new']);
  });

  it('gives a lock to one at a time', async () => {
    const disk = newDisk();
    const lock = await disk.lock('/lock');
    expect(await disk.lock('/lock')).toBeUndefined();
    expect(disk.heldLocks).toBe(1);
    await lock?.release();
    expect(await disk.lock('/lock')).toBeDefined();
    disk.crash('process');
    expect(await disk.lock('/lock')).toBeDefined();
  });
});

describe('a sync', () => {
  it('saves what was written before it, not what was written while it ran', async () => {
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      const file = await syncedFile(disk);
      await file.write(bytesOf('a'), 0);
      const syncing = file.sync();
      await file.write(bytesOf('b'), 1);
      await syncing;
      expect(disk.durable('/f')).toEqual(bytesOf('a'));
      await file.sync();
      expect(disk.durable('/f')).toEqual(bytesOf('ab'));
    }
  });
});

describe('direct access', () => {
  it('flips a bit that is synced, or only written, and no power cut flips it back', async () => {
    const disk = newDisk();
    disk.poke('/f', bytesOf('aa'));
    disk.flipBit('/f', 1, 0);
    expect(textIn(disk)).toBe('a`');
    const file = await disk.open('/f', 'write');
    await file.write(bytesOf('aa'), 2);
    disk.flipBit('/f', 3, 0);
    await file.sync();
    disk.crash('power');
    expect(textIn(disk)).toBe('a`a`');
    expect(() => disk.flipBit('/f', 4, 0)).toThrow(RangeError);
  });

  it('makes files that every power cut leaves, and tells what is synced', async () => {
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      disk.poke('/a/f', bytesOf('abc'));
      const file = await disk.open('/a/f', 'write');
      await file.write(bytesOf('d'), 3);
      await disk.open('/a/g', 'create');
      expect(disk.durable('/a/f')).toEqual(bytesOf('abc'));
      expect(disk.durable('/a/g')).toBeUndefined();
      disk.crash('power');
      expect(disk.peek('/a/f').subarray(0, 3)).toEqual(bytesOf('abc'));
    }
  });

  it('is to copies, and a write keeps one', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk);
    const bytes = bytesOf('abc');
    await file.write(bytes, 0);
    bytes.fill(0);
    disk.peek('/f').fill(0);
    await file.sync();
    expect(textIn(disk)).toBe('abc');
    expect(disk.durable('/f')).toEqual(bytesOf('abc'));
  });
});
