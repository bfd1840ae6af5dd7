import { describe, expect, it } from 'vitest';
import { check } from '../src/index.ts';
import { DIRECTORY, fullSubject, INNER } from './check-subject.ts';

describe('a log that nothing has happened to', () => {
  it('has no findings, closed or not', async () => {
    const subject = await fullSubject();
    expect((await check(subject.disk.process, DIRECTORY)).findings).toEqual([]);
    await subject.log.close();
    const report = await check(subject.disk.process, DIRECTORY);
    expect(report.findings).toEqual([]);
    console.log(report.counts);
  });

  it('flips', async () => {
    const subject = await fullSubject();
    await subject.log.close();
    const t = performance.now();
    const bad: string[] = [];
    for (const [path, bytes] of subject.files()) {
      if (path.endsWith('.cursor')) continue;
      for (let place = 0; place < bytes.length; place++) {
        const bit = place % 8;
        subject.disk.flipBit(path, place, bit);
        const { findings } = await check(subject.disk.process, DIRECTORY);
        subject.disk.flipBit(path, place, bit);
        const [first] = findings;
        const isIndex = path.endsWith('.index');
        if (
          first === undefined ||
          first.severity !== 'error' ||
          `${DIRECTORY}/${first.file}` !== path ||
          first.place !== (isIndex ? place - (place % 64) : place) ||
          findings.length > 1
        )
          bad.push(`${path} ${place} ${bit} ${JSON.stringify(findings)}`);
      }
    }
    console.log(performance.now() - t, bad.length, bad.join('\n'));
    expect(subject.disk.openFiles).toBe(0);
  });
});
