import { readFileSync } from 'node:fs';
import type { Dialogue, Step } from '@forebay/testkit';
import { bytesOfStep, everySplit, parseDialogues, stepOfBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { HandshakeEvent, ReplicaHandshakeOptions } from '../src/index.ts';
import { PsyncError, ReplicaHandshake } from '../src/index.ts';

const source = readFileSync(new URL('scripts/replies.script', import.meta.url), 'utf8');

describe('each dialogue, whole, byte by byte and split at every byte', () => {
  it.each(parseDialogues(source))('$name', (dialogue) => {
    const expected = transcriptOf(dialogue);
    const lines = received(dialogue).map((bytes) => [...everySplit(bytes)]);
    const ways = Math.max(...lines.map((splits) => splits.length));
    for (let way = 0; way < ways; way++) {
      // Each `<` line is cut at the same place; one that is shorter than that stays whole.
      const cut = lines.map((splits) => splits[way] ?? splits[0]!);
      const pieces = cut.flatMap((split) => split.pieces);
      expect(play(dialogue, pieces), cut.map(({ name }) => name).join()).toEqual(expected);
    }
  });
});

function received({ steps }: Dialogue): Uint8Array[] {
  return steps.filter(({ kind }) => kind === 'receive').map(({ text }) => bytesOfStep(text));
}

/** What the file says should happen: what is sent and concluded, in order. */
function transcriptOf({ steps }: Dialogue): string[] {
  return steps
    .filter(({ kind }) => kind === 'send' || kind === 'conclude')
    .map(({ kind, text }) => `${kind === 'send' ? '>' : '='} ${stepOfBytes(bytesOfStep(text))}`);
}

/** What does happen. The bytes after the outcome are the caller's: they are gathered as its rest. */
function play(dialogue: Dialogue, pieces: readonly Uint8Array[]): string[] {
  const handshake = new ReplicaHandshake(optionsOf(dialogue.steps));
  const transcript: string[] = [];
  let rest = '';
  const ended = () => handshake.state === 'ended';
  const drain = () => {
    for (let event = handshake.next(); event !== undefined; event = handshake.next()) {
      transcript.push(lineOf(event));
    }
  };
  try {
    drain();
    for (const piece of pieces) {
      if (ended()) {
        rest += stepOfBytes(piece);
        continue;
      }
      handshake.push(piece);
      drain();
      if (ended()) rest += stepOfBytes(handshake.takeRest());
    }
  } catch (error) {
    if (!(error instanceof PsyncError)) throw error;
    transcript.push(`= error ${error.code}`);
  }
  if (rest !== '') transcript.push(`= rest ${rest}`);
  return silenced(dialogue.steps, transcript);
}

function lineOf(event: HandshakeEvent): string {
  if (event.type === 'send') return `> ${stepOfBytes(event.bytes)}`;
  const { type, ...fields } = event.type === 'outcome' ? event.outcome : event;
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  return ['=', type, ...told.map(([name, value]) => `${name}=${value}`)].join(' ');
}

function optionsOf(steps: readonly Step[]): ReplicaHandshakeOptions {
  const given: Record<string, string> = {};
  for (const { kind, text } of steps) {
    const [name = '', ...value] = text.split(' ');
    if (kind === 'act') given[name] = value.join(' ');
  }
  const [id = '', offset] = (given.resume ?? '').split(' ');
  return {
    ...(given.user === undefined ? {} : { username: given.user }),
    ...(given.password === undefined ? {} : { password: given.password }),
    ...(given.port === undefined ? {} : { listeningPort: Number(given.port) }),
    ...(given.address === undefined ? {} : { announcedAddress: given.address }),
    ...(given.version === 'none' ? { version: false } : {}),
    ...(given.resume === undefined
      ? {}
      : { resume: { id: stepOfBytes(bytesOfStep(id)), offset: Number(offset) } }),
  };
}

/** `! quiet` leaves out what is sent; `! asked` leaves out what is sent before PSYNC. */
function silenced(steps: readonly Step[], transcript: string[]): string[] {
  const acts = steps.filter(({ kind }) => kind === 'act').map(({ text }) => text);
  if (acts.includes('quiet')) return transcript.filter((line) => !line.startsWith('>'));
  if (acts.includes('asked')) {
    return transcript.slice(transcript.findIndex((line) => line.includes('PSYNC')));
  }
  return transcript;
}
