import type { Server } from '@forebay/conformance';
import { Wire } from '@forebay/conformance';
import { expect, onTestFinished } from 'vitest';

/** One that attaches by an inline SYNC and looks at the stream, as the servers' own tests do. */
export class RawReplica {
  readonly #wire: Wire;

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  static async attach(port: number): Promise<RawReplica> {
    const wire = await Wire.connect(port);
    onTestFinished(() => wire.close());
    wire.sendRaw('SYNC\r\n');
    const head = await wire.line();
    expect(head).toMatch(/^\$\d+$/);
    await wire.bytes(Number(head.slice(1)));
    return new RawReplica(wire);
  }

  /** The stream from its beginning, or from what was taken before, up to a mark in it. */
  upTo(mark: string): Promise<string> {
    return this.#wire.upTo(mark);
  }
}

/**
 * Ends a stretch of the stream by a command of its own, and expects both to have been sent the same.
 * Who attached first has seen more before it: both end at the same byte, and are compared from there
 * back. Returns the shorter one.
 */
export async function expectSameStream(
  primary: Server,
  above: RawReplica,
  below: RawReplica,
): Promise<string> {
  const mark = `the end of a stretch at ${performance.now()}`;
  await primary.command('SET', 'mark', mark);
  const [theirs, ours] = await Promise.all([above.upTo(mark), below.upTo(mark)]);
  const length = Math.min(theirs.length, ours.length);
  // A difference is told by its place: the streams themselves would fill the screen.
  const [one, other] = [theirs.slice(-length), ours.slice(-length)];
  let same = 0;
  while (same < length && one[same] === other[same]) same++;
  const around = (text: string) => text.slice(Math.max(0, same - 100), same + 100);
  expect(around(other)).toBe(around(one));
  expect(same).toBe(length);
  return one;
}
