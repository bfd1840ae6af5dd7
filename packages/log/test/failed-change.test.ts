import { crc32 } from 'node:zlib';
import { startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { randomFrom, SimulatedClock, SimulatedDisk } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { writeWhole } from '../src/disk/durable.ts';
import { Log } from '../src/index.ts';
import { A, EMPTY_RDB } from './directories.ts';

const SET = encodeCommand(['SET', 'key', 'value']);
/** More disk writes than any change needs. */
const MANY = 20;

const changes = {
  'a split': (log: Log) => log.splitFor({ id: A, offset: SET.length }),
  'a step back': (log: Log) => log.stepBack(SET.length),
};

it.for(Object.entries(changes))(
  '%s leaves no file open, whichever write fails',
  async ([, run]) => {
    for (let failing = 1; failing <= MANY; failing++) {
      const random = randomFrom(failing);
      const disk = new SimulatedDisk({ random, slowWriteRate: 0 });
      const log = await Log.open('/data', { disk, clock: new SimulatedClock() });
      const target = log.awaitBase();
      await writeWhole(disk, target.path, EMPTY_RDB);
      const base = { target, size: EMPTY_RDB.length, crc: crc32(EMPTY_RDB) };
      const history = startHistory(A);
      await log.beginHistory({ ...base, history, offset: 0, database: 0, reason: 'a test' });
      for (const offset of [SET.length, 2 * SET.length]) {
        await log.append(SET, { offset, database: 0 });
      }
      let writes = 0;
      disk.onOperation = (operation) => {
        if (operation === 'write' && ++writes === failing) disk.failNext('write', 'ENOSPC');
      };
      const failed = await run(log).then(
        () => false,
        () => true,
      );
      disk.onOperation = undefined;
      await log.close().catch(() => {});
      expect(disk.openFiles, `write ${failing}`).toBe(0);
      if (!failed) return;
    }
    expect.fail(`a change makes more than ${MANY} writes`);
  },
);
