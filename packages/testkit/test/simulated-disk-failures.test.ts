import { describe, expect, it } from 'vitest';
import { bytesOf, textOf } from '../src/index.ts';
import { newDisk, SEEDS, syncedFile, textIn } from './disks.ts';

describe('a failed sync', () => {
  it('is never made good by a later one, though reads see what was written', async () => {
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      const file = await syncedFile(disk);
      await file.write(bytesOf('lost'), 0);
      disk.failNext('sync', 'EIO');
      await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
      await file.write(bytesOf('kept'), 4);
      await file.sync();
      disk.crash('process');
      expect(textIn(disk)).toBe('lostkept');
      disk.crash('power');
      expect(textIn(disk)).toBe('\0\0\0\0kept');
    }
  });

  it('costs nothing where the bytes are written again', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk);
    await file.write(bytesOf('lost'), 0);
    disk.failNext('sync', 'EIO');
    await expect(file.sync()).rejects.toThrow('EIO');
    await file.write(bytesOf('lost'), 0);
    await file.sync();
    expect(disk.durable('/f')).toEqual(bytesOf('lost'));
  });

  it('costs nothing where the bytes are cut off', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk);
    await file.write(bytesOf('a'), 0);
    await file.sync();
    await file.write(bytesOf('lost'), 1);
    disk.failNext('sync', 'EIO');
    await expect(file.sync()).rejects.toThrow('EIO');
    await file.truncate(1);
    await file.write(bytesOf('b'), 1);
    await file.sync();
    expect(disk.durable('/f')).toEqual(bytesOf('ab'));
  });

  it('leaves a truncation to the next sync: that is no page', async () => {
    const disk = newDisk();
    disk.poke('/f', bytesOf('abcd'));
    const file = await disk.open('/f', 'write');
    await file.truncate(2);
    disk.failNext('sync', 'EIO');
    await expect(file.sync()).rejects.toThrow('EIO');
    expect(disk.durable('/f')).toEqual(bytesOf('abcd'));
    await file.sync();
    expect(disk.durable('/f')).toEqual(bytesOf('ab'));
  });

  it('spares what was written while it ran', async () => {
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      const file = await syncedFile(disk);
      await file.write(bytesOf('a'), 0);
      disk.failNext('sync', 'EIO');
      const failed = expect(file.sync()).rejects.toThrow('EIO');
      await file.write(bytesOf('b'), 1);
      await failed;
      await file.sync();
      expect(disk.durable('/f')).toEqual(bytesOf('\0b'));
    }
  });
});

describe('a failure on demand', () => {
  it('of a write comes after a part of its bytes, told as a short write', async () => {
    const parts = new Set<number>();
    for (const seed of SEEDS) {
      const disk = newDisk(seed);
      const file = await syncedFile(disk);
      disk.failNext('write', 'ENOSPC');
      let taken = 0;
      const writeAll = async () => {
        while (taken < 4) taken += await file.write(bytesOf('abcd').subarray(taken), taken);
      };
      await expect(writeAll()).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(textIn(disk)).toBe('abcd'.slice(0, taken));
      parts.add(taken);
      await writeAll();
      expect(textIn(disk)).toBe('abcd');
    }
    expect([...parts].sort()).toEqual([0, 1, 2, 3]);
  });

  it('of anything else has no effect, happens once, and is an error with a code', async () => {
    const disk = newDisk();
    disk.poke('/f', bytesOf('a'));
    disk.failNext('rename', 'EIO');
    const error = await disk.rename('/f', '/g').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: 'EIO' });
    expect(disk.paths()).toEqual(['/f']);
    await disk.rename('/f', '/g');
    expect(disk.paths()).toEqual(['/g']);
  });

  it('of a close closes nevertheless', async () => {
    const disk = newDisk();
    const file = await syncedFile(disk);
    disk.failNext('close', 'EIO');
    await expect(file.close()).rejects.toMatchObject({ code: 'EIO' });
    expect(disk.openFiles).toBe(0);
    await file.close();
    expect(() => file.write(bytesOf('a'), 0)).toThrow('EBADF');
  });
});

describe('failures by chance', () => {
  it('come at the rate that was asked for, of the operations that were named', async () => {
    const disk = newDisk();
    disk.poke('/f', bytesOf('a'));
    disk.failureRate = { stat: 0.25 };
    let failed = 0;
    for (let i = 0; i < 1000; i++) {
      await disk.list('/');
      await disk.stat('/f').catch(() => failed++);
    }
    expect(failed).toBeGreaterThan(150);
    expect(failed).toBeLessThan(350);
    disk.failureRate = 1;
    await expect(disk.list('/')).rejects.toThrow();
  });
});

describe('a disk of limited room', () => {
  it('takes what fits, then nothing until there is room again', async () => {
    const disk = newDisk(1, { capacity: 5 });
    const file = await syncedFile(disk);
    expect(file.write(bytesOf('abc'), 0)).toBe(3);
    expect(await disk.space('/')).toEqual({ total: 5, free: 2 });
    expect(file.write(bytesOf('defg'), 3)).toBe(2);
    expect(() => file.write(bytesOf('fg'), 5)).toThrow('ENOSPC');
    expect(file.write(bytesOf('XY'), 0)).toBe(2);
    disk.setCapacity(6);
    expect(file.write(bytesOf('fg'), 5)).toBe(1);
    await file.truncate(4);
    expect(await disk.space('/')).toEqual({ total: 6, free: 2 });
    await disk.remove('/f');
    expect(await disk.space('/')).toEqual({ total: 6, free: 6 });
  });
});

describe('a disk that is read-only', () => {
  it('refuses all that changes it, and can be read', async () => {
    const disk = newDisk();
    disk.poke('/f', bytesOf('a'));
    const file = await disk.open('/f', 'write');
    disk.readOnly = true;
    expect(() => file.write(bytesOf('b'), 0)).toThrow('EROFS');
    for (const change of [
      disk.open('/f', 'write'),
      disk.open('/g', 'create'),
      disk.rename('/f', '/g'),
      disk.remove('/f'),
      disk.makeDirectory('/d'),
      disk.lock('/lock'),
      file.truncate(0),
    ]) {
      await expect(change).rejects.toMatchObject({ code: 'EROFS' });
    }
    const into = new Uint8Array(9);
    expect(await (await disk.open('/f', 'read')).read(into, 0)).toBe(1);
    expect(textOf(into.subarray(0, 1))).toBe('a');
  });
});

describe('a slow write', () => {
  it('is promised and may be short, and another happens while a sync runs', async () => {
    const disk = newDisk(1, { slowWriteRate: 1 });
    const file = await syncedFile(disk);
    const counts = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const written = file.write(bytesOf('abcd'), 0);
      expect(written).toBeInstanceOf(Promise);
      counts.add(await written);
    }
    expect([...counts].sort()).toEqual([1, 2, 3, 4]);
    disk.slowWriteRate = 0;
    const syncing = file.sync();
    const written = file.write(bytesOf('abcd'), 0);
    expect(written).toBeInstanceOf(Promise);
    expect(await written).toBe(4);
    await syncing;
    expect(file.write(bytesOf('abcd'), 0)).toBe(4);
  });
});
