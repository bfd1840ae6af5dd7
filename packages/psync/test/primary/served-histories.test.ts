import { randomFrom, runSeed } from '@forebay/testkit';
import { expect, it } from 'vitest';
import type { ServedReplicaAction, ServedReplicaEvent, Serving } from '../../src/index.ts';
import { ServedReplica, startHistory } from '../../src/index.ts';

const ID = 'a'.repeat(40);
const HISTORIES = 500;
const STEPS = 40;

const COMMANDS = [
  'REPLCONF capa eof capa psync2',
  'REPLCONF rdb-only 1',
  'REPLCONF rdb-only 0',
  'REPLCONF listening-port 7001',
  'REPLCONF nonsense 1',
  'REPLCONF ACK 0',
  'REPLCONF ACK 150',
  'REPLCONF ACK 220 FACK 210',
  'REPLCONF ACK 180 FACK 250',
  'REPLCONF ACK junk',
  'REPLCONF GETACK *',
  'PSYNC ? -1',
  `PSYNC ${ID} 151`,
  `PSYNC ${ID} 201`,
  `PSYNC ${ID} 300`,
  `PSYNC ${ID} x`,
  'SYNC',
];

it(`a replica is sent only bytes that it may be sent, in any order of events (${HISTORIES} histories)`, () => {
  const seed = runSeed();
  const ends = new Set<string>();
  for (let i = 0; i < HISTORIES; i++) {
    const history = new RandomHistory(seed + i);
    expect(() => history.run(), `FOREBAY_SEED=${seed + i}`).not.toThrow();
    ends.add(history.ended);
  }
  // The histories must end in different states.
  expect(ends).toContain('gone');
  expect(ends).toContain('online');
  expect(ends.size).toBeGreaterThan(4);
});

/** One replica, and a primary that performs the actions at random moments. */
class RandomHistory {
  readonly #replica = new ServedReplica();
  readonly #random: ReturnType<typeof randomFrom>;
  readonly #serving: { -readonly [Name in keyof Serving]: Serving[Name] };
  /** Requests of actions that were not answered yet. */
  readonly #due: ('upstream-checked' | 'start' | 'snapshot-opened' | 'payload-sent')[] = [];
  #isAttached = false;
  #inPayload = false;
  #streams = false;
  #wasTold = false;
  #leftTimes = 0;
  #closing = false;
  #offset = 0;
  #newest = 200;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    const held = { history: startHistory(ID), firstByte: 101, offset: this.#newest };
    this.#serving = { held, isTop: true, hasPendingOutput: false };
  }

  get ended(): string {
    return this.#replica.state;
  }

  run(): void {
    for (let i = 0; i < STEPS; i++) this.#step();
  }

  #step(): void {
    const random = this.#random;
    const { acknowledged, synced = 0, state } = this.#replica;
    this.#happen(random.integer(0, 99));
    const now = this.#replica;
    expect(now.acknowledged).toBeGreaterThanOrEqual(acknowledged);
    expect(now.synced ?? 0).toBeGreaterThanOrEqual(synced);
    if (state === 'gone') expect(now.state).toBe('gone');
    if (now.mayStream) expect(this.#streams).toBe(true);
    if (now.awaitsLoad) expect(now.bySync || now.state === 'gone').toBe(false);
    expect(now.reported === undefined).toBe(!this.#isAttached);
  }

  #happen(draw: number): void {
    const { state, isStreaming } = this.#replica;
    if (draw < 30 && state !== 'checking-upstream') {
      const words = this.#random.pick(COMMANDS).split(' ');
      this.#take({ type: 'command', words, serving: this.#serving });
    } else if (draw < 60 && this.#due.length > 0) this.#answer();
    else if (draw < 80 && isStreaming) this.#send();
    else if (draw < 84) this.#take({ type: this.#random.pick(['stall', 'resume', 'tick']) });
    else if (draw < 86) this.#serving.hasPendingOutput = this.#random.integer(0, 1) === 1;
    else if (draw < 87) this.#take({ type: 'closed' });
    else if (draw < 89 && this.#isAttached) this.#end();
  }

  #end(): void {
    const how = this.#random.pick(['end', 'destroy'] as const);
    this.#take(
      this.#random.pick<ServedReplicaEvent>([
        { type: 'close', how },
        { type: 'restart' },
        { type: 'cut-off', reason: 'too slow', how },
      ]),
    );
  }

  /** Performs one of the due requests. */
  #answer(): void {
    const type = this.#due.splice(this.#random.integer(0, this.#due.length - 1), 1)[0]!;
    if (type === 'upstream-checked') this.#take({ type, serving: this.#serving });
    else if (type === 'snapshot-opened' && this.#random.integer(0, 9) === 0) {
      this.#take({ type: 'snapshot-failed', reason: 'none' });
    } else if (type === 'snapshot-opened') {
      this.#take({ type, position: { id: ID, offset: this.#newest } });
    } else {
      if (type === 'payload-sent') {
        this.#inPayload = false;
        this.#take({ type: 'payload-began', bytes: new Uint8Array(3) });
      }
      this.#take({ type });
    }
  }

  /** The primary writes more of the stream, and the socket accepts a part of it. */
  #send(): void {
    this.#newest += this.#random.integer(0, 30);
    if (this.#replica.mayStream) {
      this.#offset = Math.min(this.#newest, this.#offset + this.#random.integer(0, 60));
    }
    this.#replica.sent(this.#offset, this.#newest);
    const isOnline = this.#offset === this.#newest;
    expect(this.#replica.state).toBe(isOnline ? 'online' : 'catching-up');
  }

  #take(event: ServedReplicaEvent): void {
    const wasGone = this.#replica.state === 'gone';
    const wasClosing = this.#closing;
    for (const action of this.#replica.take(event)) {
      if (wasGone) expect(action.type).toBe('discard-snapshot');
      if (wasClosing) expect(['close', 'gone', 'discard-snapshot']).toContain(action.type);
      this.#obey(action);
    }
    this.#closing = this.#replica.state === 'closing';
  }

  #obey(action: ServedReplicaAction): void {
    switch (action.type) {
      case 'attach':
        expect(this.#isAttached).toBe(false);
        this.#isAttached = true;
        break;
      case 'reply':
        // The only reply that a replica gets is sent before the first line of its full resync.
        if (this.#isAttached) expect(this.#replica.reported).toBe('wait_bgsave');
        break;
      case 'send':
        // Nothing is sent between the bytes of a payload, nor within the stream.
        expect(this.#inPayload || this.#streams).toBe(false);
        break;
      case 'check-upstream':
        this.#due.push('upstream-checked');
        break;
      case 'queue':
        this.#due.push('start');
        break;
      case 'open-snapshot':
        this.#due.push('snapshot-opened');
        break;
      case 'send-payload':
        this.#due.push('payload-sent');
        this.#inPayload = true;
        break;
      case 'stream':
        expect(this.#inPayload).toBe(false);
        expect(this.#replica.announced.rdbOnly && !this.#wasTold && this.#closing).toBe(false);
        if (!this.#streams) this.#offset = action.after;
        expect(action.after).toBe(this.#offset);
        this.#streams = true;
        break;
      case 'online':
        expect(this.#wasTold).toBe(false);
        this.#wasTold = true;
        break;
      case 'loaded':
        expect(this.#inPayload).toBe(false);
        expect(this.#replica.awaitsLoad).toBe(false);
        break;
      case 'gone':
        expect(this.#isAttached).toBe(true);
        this.#leftTimes++;
        expect(this.#leftTimes).toBe(1);
        break;
    }
  }
}
