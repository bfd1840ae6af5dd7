import { it } from 'vitest';
import { check, Log } from '../src/index.ts';
import { DIRECTORY, PING, SET, Subject, TRANSACTION } from './check-subject.ts';

it('power', async () => {
  const bad: string[] = [];
  const warned = new Map<string, number>();
  let drops = 0,
    warns = 0,
    mism = 0;
  for (let i = 0; i < 300; i++) {
    const s = await new Subject(i).open();
    await s.begin(10);
    for (const b of [SET, TRANSACTION]) await s.append(b);
    await s.log.sync();
    for (const b of [PING, SET, TRANSACTION, SET, PING.subarray(0, 7)]) await s.append(b);
    s.disk.crash(i % 4 === 0 ? 'process' : 'power');
    s.disk.readOnly = true;
    const { findings } = await check(s.disk.process, DIRECTORY);
    s.disk.readOnly = false;
    for (const f of findings) {
      if (f.severity === 'error') bad.push(`${i} ${JSON.stringify(f)}`);
      const w = f.what.replace(/\d+/g, 'N');
      warned.set(w, (warned.get(w) ?? 0) + 1);
    }
    const log = await Log.open(DIRECTORY, { disk: s.disk.process, clock: s.clock });
    if (log.found!.dropped > 0) drops++;
    if (findings.length) warns++;
    if (log.found!.dropped > 0 !== findings.length > 0)
      mism++,
        bad.push(
          `${i} dropped ${log.found!.dropped} found ${log.found!.offset} ${JSON.stringify(findings)}`,
        );
    await log.close();
    const again = await check(s.disk.process, DIRECTORY);
    if (again.findings.length) bad.push(`again ${i} ${JSON.stringify(again.findings)}`);
  }
  console.log(drops, warns, mism, bad.slice(0, 8).join('\n'), warned);
});
