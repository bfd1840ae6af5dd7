import { startHistory } from '@forebay/psync';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PrimaryOptions, Source } from '../src/index.ts';
import { Primary, ReplicationServer } from '../src/index.ts';
import { Peer } from './peer.ts';

const SELECT = '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n';
const SET = (value: string) => `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n${value}\r\n`;

async function listening(options: PrimaryOptions = {}): Promise<Primary> {
  const primary = new Primary({ pingPeriod: 0, ...options });
  onTestFinished(() => primary.close());
  await primary.listen();
  return primary;
}

/** Follows up to the first byte of the stream; returns the id and the offset told. */
async function copied(peer: Peer): Promise<{ id: string; offset: number; rdb: string }> {
  const [, id = '', offset] = (await peer.ask('PSYNC', '?', '-1')).split(' ');
  const header = await peer.line();
  if (header.startsWith('$EOF:')) {
    const text = await peer.bytes(18 + 40);
    expect(text.slice(-40)).toBe(header.slice(5));
    return { id, offset: Number(offset), rdb: text.slice(0, -40) };
  }
  return { id, offset: Number(offset), rdb: await peer.bytes(Number(header.slice(1))) };
}

describe('a replica without a history', () => {
  it('gets the snapshot by its length, and the stream at once', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', '1']);
    const peer = await Peer.connect(primary.port);
    const { id, offset, rdb } = await copied(peer);
    expect({ id, offset }).toEqual({ id: primary.position.id, offset: 0 });
    expect(rdb).toMatch(/^REDIS0009/);
    expect(await peer.bytes(SELECT.length + 27)).toBe(SELECT + SET('1'));
    primary.propagate(['SET', 'k', '2']);
    expect(await peer.bytes(27)).toBe(SET('2'));
    expect(primary.replicas).toMatchObject([{ state: 'online', behind: 0 }]);
  });

  it('that takes a mark gets it last, and the stream when it has said that it has it', async () => {
    const primary = await listening();
    const peer = await Peer.connect(primary.port);
    expect(await peer.ask('REPLCONF', 'capa', 'eof')).toBe('+OK');
    const { offset } = await copied(peer);
    primary.propagate(['SET', 'k', '1']);
    // An answer to another would come after what was sent to this one.
    expect(await (await Peer.connect(primary.port)).ask('PING')).toBe('+PONG');
    expect(peer.received).toBe('');
    peer.send('REPLCONF', 'ACK', String(offset));
    expect(await peer.bytes(SELECT.length + 27)).toBe(SELECT + SET('1'));
  });

  it('that wants the snapshot alone gets it, and is let go', async () => {
    const primary = await listening();
    const peer = await Peer.connect(primary.port);
    await peer.ask('REPLCONF', 'rdb-only', '1');
    await copied(peer);
    await peer.ended();
    await expect.poll(() => primary.replicas).toEqual([]);
  });

  it('that asks by SYNC gets no word but the snapshot and the stream', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', '1']);
    const peer = await Peer.connect(primary.port);
    peer.sendRaw('SYNC\r\n');
    expect(await peer.line()).toBe('$18');
    await peer.bytes(18);
    expect(await peer.bytes(SELECT.length + 27)).toBe(SELECT + SET('1'));
  });

  it('begins with the snapshot given last, and with a SELECT', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', '1']);
    const later = Buffer.from('REDIS0009\xfe\0\xff\0\0\0\0\0\0\0\0', 'latin1');
    primary.replaceSnapshot(later);
    const at = primary.position.offset;
    primary.propagate(['SET', 'k', '2']);
    const peer = await Peer.connect(primary.port);
    expect(await copied(peer)).toMatchObject({ offset: at, rdb: later.toString('latin1') });
    expect(await peer.bytes(SELECT.length + 27)).toBe(SELECT + SET('2'));
  });
});

describe('a replica with a history', () => {
  it.each([
    ['one that takes an id', true],
    ['one from before 4.0', false],
  ])('is continued: %s', async (_, psync2) => {
    const primary = await listening();
    primary.propagate(['SET', 'k', '1']);
    const { id, offset } = primary.position;
    primary.propagate(['SET', 'k', '2']);
    const peer = await Peer.connect(primary.port);
    if (psync2) await peer.ask('REPLCONF', 'capa', 'psync2');
    const reply = await peer.ask('PSYNC', id, String(offset + 1));
    expect(reply).toBe(psync2 ? `+CONTINUE ${id}` : '+CONTINUE');
    expect(await peer.bytes(27)).toBe(SET('2'));
  });

  it('is continued after a failover, up to where the new id began', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', '1']);
    const before = primary.position;
    primary.shiftId();
    const after = primary.position;
    primary.propagate(['SET', 'k', '2']);
    const ask = async (offset: number): Promise<string> => {
      const peer = await Peer.connect(primary.port);
      await peer.ask('REPLCONF', 'capa', 'psync2');
      return peer.ask('PSYNC', before.id, String(offset));
    };
    expect(after.id).not.toBe(before.id);
    expect(await ask(before.offset + 1)).toBe(`+CONTINUE ${after.id}`);
    expect(await ask(before.offset + 2)).toBe(`+FULLRESYNC ${after.id} 0`);
  });

  it('is sent what the backlog in memory has lost, out of what the source holds', async () => {
    const primary = await listening({ backlogSize: 100 });
    for (let i = 0; i < 5000; i++) primary.propagate(['SET', 'k', String(i % 10)]);
    const peer = await Peer.connect(primary.port);
    await peer.ask('PSYNC', primary.position.id, '1');
    const stream = await peer.bytes(primary.position.offset);
    expect(stream.length).toBe(SELECT.length + 5000 * 27);
    expect(stream.slice(SELECT.length).match(/SET\r\n\$1\r\nk\r\n\$1\r\n\d/g)).toHaveLength(5000);
  });
});

describe('a replica that stalls', () => {
  it('is behind, slows nobody, and gets all when it goes on', async () => {
    const primary = await listening({ backlogSize: 1000 });
    const [slow, fast] = [await Peer.connect(primary.port), await Peer.connect(primary.port)];
    await copied(slow);
    await copied(fast);
    const [first] = primary.replicas;
    primary.stall(first!.id);
    const value = 'x'.repeat(1000);
    for (let i = 0; i < 1000; i++) primary.propagate(['SET', 'k', value]);
    const all = primary.position.offset;
    expect(await fast.bytes(all)).toHaveLength(all);
    expect(primary.replicas[0]).toMatchObject({ id: first!.id, behind: all });
    expect(slow.received).toBe('');
    primary.resume(first!.id);
    expect(await slow.bytes(all)).toHaveLength(all);
  });

  it('and does not read holds no more than its socket does', async () => {
    const primary = await listening();
    const peer = await Peer.connect(primary.port);
    await copied(peer);
    peer.socket.pause();
    const value = 'x'.repeat(100_000);
    for (let i = 0; i < 300; i++) primary.propagate(['SET', 'k', value]);
    const other = await Peer.connect(primary.port);
    await expect
      .poll(async () => {
        const listed = await other.askBulk('CLIENT', 'LIST', 'TYPE', 'replica');
        return Number(/omem=(\d+)/.exec(listed)?.[1]);
      })
      .toBeLessThan(1_000_000);
    peer.socket.resume();
    expect(await peer.bytes(primary.position.offset)).toHaveLength(primary.position.offset);
  });
});

describe('a replica that leaves too much lying', () => {
  const value = 'x'.repeat(1_000_000);
  const size = SET(value).length;

  async function stalled(options: PrimaryOptions) {
    const reasons: (string | undefined)[] = [];
    const events = { onGone: (_: unknown, reason: string | undefined) => reasons.push(reason) };
    const primary = await listening({ events, ...options });
    // Before it comes: this is not what it leaves lying.
    for (let i = 0; i < 3; i++) primary.propagate(['SET', 'k', value]);
    const peer = await Peer.connect(primary.port);
    await copied(peer);
    await peer.bytes(SELECT.length + 3 * size);
    primary.stall(primary.replicas[0]!.id);
    return { primary, peer, reasons };
  }

  it('is cut off at the hard limit, and is continued when it comes again', async () => {
    const outputLimit = { hard: 2_000_000, soft: 0, softTime: 0 };
    const { primary, peer, reasons } = await stalled({ outputLimit });
    const { id, offset } = primary.position;
    primary.propagate(['SET', 'k', value]);
    expect(primary.replicas).toHaveLength(1);
    primary.propagate(['SET', 'k', value]);
    expect(primary.replicas).toEqual([]);
    expect(reasons).toEqual([`it has ${2 * size} bytes to take, of 2000000 allowed`]);
    await peer.ended();
    const again = await Peer.connect(primary.port);
    expect(await again.ask('PSYNC', id, String(offset + 1))).toBe('+CONTINUE');
    expect(await again.bytes(2 * size)).toHaveLength(2 * size);
  });

  it('is cut off at the soft limit when it was over it all the time', async () => {
    const clock = new SimulatedClock();
    const outputLimit = { hard: 0, soft: 500_000, softTime: 5000 };
    const { primary, peer, reasons } = await stalled({ outputLimit, clock });
    const [{ id } = { id: 0 }] = primary.replicas;
    primary.propagate(['SET', 'k', value]);
    clock.advance(4000);
    primary.resume(id);
    await peer.bytes(size);
    await expect.poll(() => primary.replicas[0]?.behind).toBe(0);
    clock.advance(4000);
    primary.stall(id);
    primary.propagate(['SET', 'k', value]);
    clock.advance(5000);
    expect(reasons).toEqual([
      `it has ${size} bytes to take, of 500000 allowed for longer than 5 s`,
    ]);
  });
});

describe('acknowledgements', () => {
  it('are waited for, and asked for', async () => {
    const primary = await listening();
    const peer = await Peer.connect(primary.port);
    await copied(peer);
    primary.propagate(['SET', 'k', '1']);
    const { offset } = primary.position;
    const waited = primary.wait(1);
    expect(await peer.bytes(offset + 37)).toMatch(/GETACK/);
    peer.send('REPLCONF', 'ACK', String(offset), 'FACK', String(offset - 1));
    expect(await waited).toBe(1);
    expect(primary.replicas).toMatchObject([{ offset, synced: offset - 1 }]);
    // An earlier one takes nothing back.
    peer.send('REPLCONF', 'ACK', '1');
    expect(await (await Peer.connect(primary.port)).ask('WAIT', '1', '50')).toBe(':0');
    expect(primary.replicas).toMatchObject([{ offset }]);
  });

  it('that do not come are not waited for longer than was asked', async () => {
    const primary = await listening();
    primary.propagate(['SET', 'k', '1']);
    expect(await primary.wait(1, 20)).toBe(0);
  });
});

it('a replica that says anything else than how far it is, is let go', async () => {
  const primary = await listening();
  const peer = await Peer.connect(primary.port);
  await copied(peer);
  peer.sendRaw('\n');
  peer.send('REPLCONF', 'ACK', '0');
  await expect.poll(() => primary.replicas).toHaveLength(1);
  peer.send('PING');
  await peer.ended();
});

it('INFO and ROLE tell of it in the words of the servers', async () => {
  const primary = await listening();
  primary.propagate(['SET', 'k', '1']);
  const replica = await Peer.connect(primary.port);
  await replica.ask('REPLCONF', 'listening-port', '7001');
  await copied(replica);
  replica.send('REPLCONF', 'ACK', '50');
  const peer = await Peer.connect(primary.port);
  const { id, offset } = primary.position;
  await expect.poll(() => peer.askBulk('INFO', 'replication')).toMatch(/,offset=50,/);
  const info = await peer.askBulk('INFO', 'replication');
  expect(info).toMatch(/^role:master\r\nconnected_slaves:1\r\n/m);
  expect(info).toMatch(/^slave0:ip=127\.0\.0\.1,port=7001,state=online,offset=50,lag=0\r$/m);
  expect(info).toContain(`master_replid:${id}\r\n`);
  expect(info).toContain(`master_repl_offset:${offset}\r\n`);
  expect(info).toContain(`repl_backlog_histlen:${offset}\r\n`);
  peer.send('ROLE');
  expect(await peer.line()).toBe('*3');
});

it('who does not say that it has its snapshot is let go after the time-out', async () => {
  const clock = new SimulatedClock();
  const primary = await listening({ timeout: 5000, clock });
  const peer = await Peer.connect(primary.port);
  await peer.ask('REPLCONF', 'capa', 'eof');
  await copied(peer);
  clock.advance(4000);
  peer.sendRaw('\n');
  // An answer to another comes after what this one has sent was read.
  await (await Peer.connect(primary.port)).ask('PING');
  clock.advance(4000);
  expect(primary.replicas).toMatchObject([{ state: 'send_bulk' }]);
  clock.advance(3000);
  await peer.ended();
});

it('who is silent is let go after the time-out, and who acknowledges is not', async () => {
  const clock = new SimulatedClock();
  const primary = await listening({ timeout: 5000, clock });
  const [replica, mute, half] = [
    await Peer.connect(primary.port),
    await Peer.connect(primary.port),
    await Peer.connect(primary.port),
  ];
  await copied(replica);
  await copied(mute);
  half.sendRaw('*3\r\n$8\r\nREPLCONF');
  for (let second = 0; second < 8; second++) {
    replica.send('REPLCONF', 'ACK', String(second + 1));
    await expect.poll(() => primary.replicas[0]?.offset).toBe(second + 1);
    clock.advance(1000);
  }
  await mute.ended();
  await half.ended();
  expect(replica.closed).toBe(false);
});

it('an hour without a replica gives the history another id, and a replica keeps it', async () => {
  const clock = new SimulatedClock();
  const primary = await listening({ clock });
  const { id } = primary.position;
  const peer = await Peer.connect(primary.port);
  await copied(peer);
  clock.advance(30_000);
  peer.socket.destroy();
  await expect.poll(() => primary.replicas).toEqual([]);
  clock.advance(3_599_000);
  expect(primary.position.id).toBe(id);
  clock.advance(1000);
  expect(primary.position.id).not.toBe(id);
  const late = await Peer.connect(primary.port);
  expect(await late.ask('PSYNC', id, '1')).toMatch(/^\+FULLRESYNC /);
});

it('a copy that takes longer than the time-out is no silence of the replica', async () => {
  const clock = new SimulatedClock();
  const [next, history] = [new Gate(), startHistory('a'.repeat(40))];
  const source: Source = {
    held: { history, firstByte: 1, offset: 0 },
    openSnapshot: async () => ({
      ...{ history, offset: 0, length: 10 },
      async *read() {
        for (let i = 0; i < 10; i++) {
          await next.opened();
          yield Uint8Array.of(65 + i);
        }
      },
      close: async () => {},
    }),
    async *read() {},
  };
  const server = new ReplicationServer(source, { timeout: 5000, clock });
  onTestFinished(() => server.close());
  await server.listen();
  const peer = await Peer.connect(server.port);
  await peer.ask('REPLCONF', 'capa', 'eof');
  await peer.ask('PSYNC', '?', '-1');
  await peer.line();
  for (let i = 0; i < 10; i++) {
    next.open();
    expect(await peer.bytes(1)).toBe(String.fromCharCode(65 + i));
    clock.advance(2000);
  }
  await peer.bytes(40);
  clock.advance(2000);
  peer.send('REPLCONF', 'ACK', '0');
  await expect.poll(() => server.replicas).toMatchObject([{ state: 'online' }]);
});

it('who waits for its snapshot is sent an empty line a second, and none when it has begun', async () => {
  const [clock, made] = [new SimulatedClock(), new Gate()];
  const history = startHistory('a'.repeat(40));
  const source: Source = {
    held: { history, firstByte: 1, offset: 0 },
    openSnapshot: async () => {
      await made.opened();
      return {
        ...{ history, offset: 0, length: 1 },
        async *read() {
          yield Uint8Array.of(65);
        },
        close: async () => {},
      };
    },
    async *read() {},
  };
  const server = new ReplicationServer(source, { clock });
  onTestFinished(() => server.close());
  await server.listen();
  const peer = await Peer.connect(server.port);
  peer.send('PSYNC', '?', '-1');
  await expect.poll(() => server.replicas).toMatchObject([{ state: 'wait_bgsave' }]);
  clock.advance(1000);
  expect(await peer.bytes(1)).toBe('\n');
  clock.advance(1000);
  expect(await peer.bytes(1)).toBe('\n');
  made.open();
  expect(await peer.line()).toBe(`+FULLRESYNC ${history.id} 0`);
  expect(await peer.bytes('$1\r\nA'.length)).toBe('$1\r\nA');
  clock.advance(5000);
  server.propagate(new Uint8Array([66]));
  expect(await peer.bytes(1)).toBe('B');
});

it('who has more than there is here is asked to wait, where it is on its way from above', async () => {
  const history = startHistory('a'.repeat(40));
  const held = { history, firstByte: 1, offset: 100, growing: false };
  let above = 200;
  const source: Source = {
    get held() {
      return held;
    },
    upstream: { host: '127.0.0.1', port: 1, up: true },
    openSnapshot: async () => {
      return { history, offset: 100, length: 0, async *read() {}, close: async () => {} };
    },
    async *read() {},
    lookAbove: async () => {
      held.growing = above > held.offset;
    },
  };
  const server = new ReplicationServer(source);
  onTestFinished(() => server.close());
  await server.listen();
  const peer = await Peer.connect(server.port);
  expect(await peer.ask('PSYNC', history.id, '151')).toMatch(/^-NOMASTERLINK /);
  [above, held.growing] = [100, false];
  expect(await peer.ask('PSYNC', history.id, '151')).toBe(`+FULLRESYNC ${history.id} 100`);
});

it('a replica that is disconnected while the upstream is asked gets no full resync', async () => {
  const history = startHistory('a'.repeat(40));
  const resyncs: string[] = [];
  let closed: Promise<void> | undefined;
  const source: Source = {
    held: { history, firstByte: 1, offset: 100 },
    upstream: { host: '127.0.0.1', port: 1, up: true },
    openSnapshot: async () => {
      return { history, offset: 100, length: 0, async *read() {}, close: async () => {} };
    },
    async *read() {},
    lookAbove: async () => {
      closed = server.close();
    },
  };
  const server = new ReplicationServer(source, {
    events: { onFullResync: (_, reason) => resyncs.push(reason) },
  });
  await server.listen();
  const peer = await Peer.connect(server.port);
  peer.send('PSYNC', history.id, '151');
  await peer.ended();
  await closed;
  expect(resyncs).toEqual([]);
});

/** Lets one through at each opening. */
class Gate {
  #open = 0;
  #wake: (() => void) | undefined;

  open(): void {
    this.#open++;
    this.#wake?.();
  }

  async opened(): Promise<void> {
    while (this.#open === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#open--;
  }
}
