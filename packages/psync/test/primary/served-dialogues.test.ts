import { readFileSync } from 'node:fs';
import type { Step } from '@forebay/testkit';
import { bytesOfStep, parseDialogues, stepOfBytes, textOf } from '@forebay/testkit';
import { expect, it } from 'vitest';
import type { ServedReplicaAction, ServedStream } from '../../src/index.ts';
import { ServedReplica, startHistory } from '../../src/index.ts';

const ID = 'a'.repeat(40);
const SCRIPT = new URL('../scripts/primary.script', import.meta.url);

it.each(parseDialogues(readFileSync(SCRIPT, 'utf8')))('$name', ({ steps }) => {
  const expected = steps.map((step) => `${step.kind} ${plain(step.text)}`);
  expect(play(steps.filter(({ kind }) => kind === 'receive' || kind === 'act'))).toEqual(expected);
});

/** Events and the actions that they cause, in order. */
function play(inputs: readonly Step[]): string[] {
  const replica = new ServedReplica();
  const serving = { held: held(101, 200), isTop: true, hasPendingOutput: false };
  const transcript: string[] = [];
  for (const { kind, text } of inputs) {
    transcript.push(`${kind} ${plain(text)}`);
    const words = textOf(bytesOfStep(text)).split(' ');
    if (kind === 'receive') note(replica.take({ type: 'command', words, serving }));
    else act(words);
  }
  return transcript;

  function note(actions: readonly ServedReplicaAction[]): void {
    transcript.push(...actions.map(lineOf));
  }

  function conclude(...parts: readonly unknown[]): void {
    const shown = parts.filter((part) => part !== '').map((part) => part ?? '-');
    transcript.push(`conclude ${shown.join(' ')}`);
  }

  function act([name = '', ...words]: readonly string[]): void {
    const [first = '', second = '', third = ''] = words;
    switch (name) {
      case 'held':
        serving.held = first === 'none' ? undefined : held(+first, +second, third === 'growing');
        break;
      case 'pending':
      case 'not-pending':
        serving.hasPendingOutput = name === 'pending';
        break;
      case 'not-top':
        serving.isTop = false;
        break;
      case 'state': {
        const { state, reported, signOfLife, acknowledged, synced } = replica;
        conclude(state, reported, signOfLife, acknowledged, synced ?? '');
        break;
      }
      case 'announced': {
        const { listeningPort, address, eof, psync2, rdbOnly, version } = replica.announced;
        const flags = `eof:${eof} psync2:${psync2} rdb-only:${rdbOnly}`;
        conclude(listeningPort, address, flags, version);
        break;
      }
      case 'may-stream':
        conclude(replica.mayStream ? 'yes' : 'no');
        break;
      case 'sent':
        replica.sent(+first, +second);
        break;
      case 'snapshot':
        note(replica.take({ type: 'snapshot-opened', position: { id: ID, offset: +first } }));
        break;
      case 'snapshot-failed':
        note(replica.take({ type: name, reason: words.join(' ') }));
        break;
      case 'cut-off':
        note(replica.take({ type: name, reason: words.join(' '), how: 'destroy' }));
        break;
      case 'began':
        note(replica.take({ type: 'payload-began', bytes: bytesOfStep(first) }));
        expect(replica.format).toBe('REDIS0011');
        break;
      case 'upstream-checked':
        note(replica.take({ type: name, serving }));
        break;
      case 'start':
      case 'payload-sent':
      case 'restart':
      case 'closed':
      case 'stall':
      case 'resume':
      case 'tick':
        note(replica.take({ type: name }));
        break;
      default:
        throw new Error(`the dialogue has an unknown act: ${name}`);
    }
  }
}

function held(firstByte: number, offset: number, growing = false): ServedStream | undefined {
  return { history: startHistory(ID), firstByte, offset, growing };
}

function lineOf(action: ServedReplicaAction): string {
  switch (action.type) {
    case 'send':
      return `send ${stepOfBytes(Buffer.from(action.line, 'latin1'))}`;
    case 'reply': {
      const { value } = action;
      if (value.type === 'simple') return `conclude reply +${value.text}`;
      return `conclude reply -${'message' in value ? value.message : value.type}`;
    }
    case 'gone': {
      const failed = action.failed ? 'failed: ' : '';
      return `conclude gone ${failed}${action.reason ?? ''}`.trimEnd();
    }
    default: {
      const details = Object.entries(action).flatMap(([name, value]) =>
        name === 'type' || value === false ? [] : [value === true ? name : String(value)],
      );
      return `conclude ${[action.type, ...details].join(' ')}`;
    }
  }
}

function plain(text: string): string {
  return stepOfBytes(bytesOfStep(text));
}
