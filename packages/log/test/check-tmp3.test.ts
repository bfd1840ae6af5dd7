import { it } from 'vitest';
import { check, Log, repair } from '../src/index.ts';
import { DIRECTORY, fullSubject, INNER } from './check-subject.ts';

async function content(s: any): Promise<{ live: string; past: string[] }> {
  const log = await Log.open(DIRECTORY, { disk: s.disk.process, clock: s.clock });
  const out: any[] = [];
  try {
    const m = await import('../src/recovery/open-directory.ts');
    const man = (await m.readManifest(s.disk.process, DIRECTORY))!;
    for (const seg of [...man.past, man.live]) {
      let text = '';
      const id = seg.ids.at(-1)!.id;
      const from = { id, offset: seg.increments[0].startOffset };
      const inc = seg.increments;
      // read raw
      for (let i = 0; i < inc.length; i++) {
        const pre = m;
        const bytes = s.disk.peek(`${INNER}/${inc[i]!.name}`);
        const { sizeUpTo } = await import('../src/increment/preamble.ts');
        const end = inc[i + 1]?.startOffset ?? ('end' in seg ? (seg as any).end : log.written);
        text += Buffer.from(
          bytes.subarray(sizeUpTo(inc[i]!, inc[i]!.startOffset), sizeUpTo(inc[i]!, end)),
        ).toString('latin1');
      }
      out.push({ number: seg.number, text });
      // and by reading
      if (seg === man.live) {
        let t = '';
        for await (const item of log.read(from, { follow: false, segment: seg.number }))
          if (item.type === 'stream') t += Buffer.from(item.bytes).toString('latin1');
        if (t !== text) throw new Error('read differs');
      }
    }
  } finally {
    await log.close();
  }
  return out as any;
}

it.each([true, false])(
  'repair flips closed=%s',
  async (closed) => {
    const subject = await fullSubject();
    if (closed) await subject.log.close();
    else {
      await subject.log.sync();
      subject.disk.crash('process');
    }
    const files = subject.files();
    const orig: any = await content(subject);
    await subject.putBack(files);
    const bad: string[] = [];
    let refused = 0,
      repaired = 0;
    const outcomes = new Map<string, number>();
    const t = performance.now();
    for (const [path, bytes] of files) {
      if (path.endsWith('.cursor')) continue;
      for (let place = 0; place < bytes.length; place++) {
        const bit = place % 8;
        await subject.putBack(files);
        subject.disk.flipBit(path, place, bit);
        const damaged = subject.files();
        try {
          const report = await repair(subject.disk.process, DIRECTORY);
          if (report.refused) {
            refused++;
            outcomes.set(
              path + ' REFUSED ' + report.refused,
              (outcomes.get(path + ' REFUSED ' + report.refused) ?? 0) + 1,
            );
            const now = subject.files();
            for (const [p, b] of damaged)
              if (Buffer.compare(b, now.get(p) ?? new Uint8Array()) !== 0)
                bad.push(`refused but changed ${path} ${place} ${p}`);
            if (now.size !== damaged.size) bad.push('refused but more files');
            continue;
          }
          if (report.done.length === 0) {
            bad.push(`nothing done ${path} ${place} ${JSON.stringify(report.findings)}`);
            continue;
          }
          repaired++;
          const k = path + ' ' + report.done.map((d) => d.replace(/\d+/g, 'N')).join('; ');
          outcomes.set(k, (outcomes.get(k) ?? 0) + 1);
          const after = await check(subject.disk.process, DIRECTORY);
          if (after.findings.length)
            bad.push(
              `${path} ${place} after: ${JSON.stringify(after.findings)} ${JSON.stringify(report.done)}`,
            );
          const kept = [...subject.files().values()].map((b) => Buffer.from(b).toString('latin1'));
          for (const [p, b] of damaged)
            if (
              !kept.includes(Buffer.from(b).toString('latin1')) &&
              !report.done.some((d) => d.includes('SELECT'))
            )
              bad.push(`deleted ${p}: ${path} ${place}`);
          const now: any = await content(subject);
          for (const seg of now) {
            const o = orig.find((e: any) => e.number === seg.number);
            if (
              o === undefined ||
              (seg === now.at(-1) ? !o.text.startsWith(seg.text) : o.text !== seg.text)
            )
              bad.push(`content ${path} ${place}`);
          }
        } catch (e) {
          bad.push(`${path} ${place} threw ${(e as Error).stack}`);
        }
      }
    }
    console.log(
      performance.now() - t,
      refused,
      repaired,
      bad.length,
      bad.slice(0, 10).join('\n'),
      outcomes,
    );
  },
  300_000,
);
