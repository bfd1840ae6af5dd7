import { expect, it } from 'vitest';
import type {
  ServedReplicaAction,
  ServedReplicaEvent,
  ServedReplicaState,
  Serving,
} from '../../src/index.ts';
import { ServedReplica, startHistory } from '../../src/index.ts';

const ID = 'a'.repeat(40);
const serving: Serving = {
  held: { history: startHistory(ID), firstByte: 101, offset: 200 },
  isTop: true,
  hasPendingOutput: false,
};

function command(line: string): ServedReplicaEvent {
  return { type: 'command', words: line.split(' '), serving };
}

const FULL = command('PSYNC ? -1');
const START: ServedReplicaEvent = { type: 'start' };
const SNAPSHOT: ServedReplicaEvent = { type: 'snapshot-opened', position: { id: ID, offset: 200 } };
const SENT: ServedReplicaEvent = { type: 'payload-sent' };
const CLOSE: ServedReplicaEvent = { type: 'close', how: 'destroy' };

/** Events that lead to each state. */
const WAYS: Readonly<Record<ServedReplicaState, readonly ServedReplicaEvent[]>> = {
  handshake: [],
  'checking-upstream': [command(`PSYNC ${ID} 300`)],
  queued: [FULL],
  'waiting-for-snapshot': [FULL, START],
  transfer: [FULL, START, SNAPSHOT],
  'awaiting-ack': [command('REPLCONF capa eof'), FULL, START, SNAPSHOT, SENT],
  'catching-up': [command(`PSYNC ${ID} 151`)],
  online: [command(`PSYNC ${ID} 201`)],
  closing: [FULL, CLOSE],
  gone: [FULL, { type: 'closed' }],
};

const TAKEN: Readonly<Record<string, ServedReplicaEvent>> = {
  REPLCONF: command('REPLCONF capa eof'),
  ACK: command('REPLCONF ACK 200'),
  'PSYNC, at the end': command(`PSYNC ${ID} 201`),
  'PSYNC, within': command(`PSYNC ${ID} 151`),
  'PSYNC, past the end': command(`PSYNC ${ID} 300`),
  'PSYNC ?': FULL,
  'PSYNC, malformed': command(`PSYNC ${ID} x`),
  SYNC: command('SYNC'),
  PING: command('PING'),
  'upstream-checked': { type: 'upstream-checked', serving },
  start: START,
  'snapshot-opened': SNAPSHOT,
  'snapshot-failed': { type: 'snapshot-failed', reason: 'none' },
  'payload-began': { type: 'payload-began', bytes: new Uint8Array(9) },
  'payload-sent': SENT,
  'cut-off': { type: 'cut-off', reason: 'slow', how: 'end' },
  close: CLOSE,
  restart: { type: 'restart' },
  closed: { type: 'closed' },
  stall: { type: 'stall' },
  resume: { type: 'resume' },
  tick: { type: 'tick' },
};

type Act = (replica: ServedReplica) => readonly ServedReplicaAction[] | undefined;

const EVENTS: Readonly<Record<string, Act>> = {
  ...Object.fromEntries(
    Object.entries(TAKEN).map(([name, event]): [string, Act] => [name, (it) => it.take(event)]),
  ),
  'sent, to the newest byte': (it) => {
    it.sent(400, 400);
    return undefined;
  },
  'sent, to an older byte': (it) => {
    it.sent(400, 500);
    return undefined;
  },
};

it.each(Object.keys(WAYS) as ServedReplicaState[])(
  'the events listed for %s lead to it',
  (state) => {
    expect(inState(state).state).toBe(state);
  },
);

it('every event in every state leads to the state in the table, or is impossible', async () => {
  const lines = Object.entries(EVENTS).flatMap(([name, act]) => [
    `== ${name}`,
    ...Object.keys(WAYS).map((state) => {
      return `${state} -> ${outcomeOf(inState(state as ServedReplicaState), act)}`;
    }),
    '',
  ]);
  await expect(lines.join('\n')).toMatchFileSnapshot('../scripts/primary-states.txt');
});

function inState(state: ServedReplicaState): ServedReplica {
  const replica = new ServedReplica();
  for (const event of WAYS[state]) replica.take(event);
  return replica;
}

function outcomeOf(replica: ServedReplica, act: Act): string {
  try {
    const actions = act(replica) ?? [];
    const types = actions.map(({ type }) => type).join(', ');
    return types === '' ? replica.state : `${replica.state}: ${types}`;
  } catch (error) {
    expect(error).toMatchObject({
      name: 'Error',
      message: expect.stringContaining('has no transition'),
    });
    return 'cannot happen';
  }
}
