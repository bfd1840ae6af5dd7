import { readFileSync } from 'node:fs';
import type { Dialogue, Step } from '@forebay/testkit';
import { bytesOfStep, everySplit, parseDialogues, stepOfBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { HandshakeEvent, Position, ReplicaHandshakeOptions } from '../src/index.ts';
import { PsyncError, ReplicaHandshake } from '../src/index.ts';

function dialogues(name: string): Dialogue[] {
  return parseDialogues(readFileSync(new URL(`scripts/${name}.script`, import.meta.url), 'utf8'));
}

describe.each(['replies', 'report'])(
  '%s: each, whole, byte by byte, split at every byte',
  (file) => {
    it.each(dialogues(file))('$name', (dialogue) => {
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
  },
);

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
  const ask = actsOf(dialogue.steps).ask;
  let rest = '';
  const ended = () => handshake.state === 'ended';
  const drain = () => {
    for (let event = handshake.next(); event !== undefined; event = handshake.next()) {
      transcript.push(lineOf(event));
      if (event.type === 'report' && ask !== undefined) handshake.ask(positionOf(ask));
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
  if (event.type === 'report') return reportLine(event);
  const { type, ...fields } = event.type === 'outcome' ? event.outcome : event;
  return line(type, fields);
}

/** What a plan is made from. */
function reportLine({ type, report, reply }: Extract<HandshakeEvent, { type: 'report' }>): string {
  if (report === undefined) return line(type, { reply });
  const { role, id, offset } = report;
  return line(type, { role, id, offset });
}

function line(type: string, fields: Record<string, unknown>): string {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  return ['=', type, ...told.map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** What the caller does, by its first word. */
function actsOf(steps: readonly Step[]): Record<string, string> {
  const acts: Record<string, string> = {};
  for (const { kind, text } of steps) {
    const [name = '', ...value] = text.split(' ');
    if (kind === 'act') acts[name] = value.join(' ');
  }
  return acts;
}

function positionOf(text: string): Position | undefined {
  if (text === '') return undefined;
  const [id = '', offset] = text.split(' ');
  return { id: stepOfBytes(bytesOfStep(id)), offset: Number(offset) };
}

function optionsOf(steps: readonly Step[]): ReplicaHandshakeOptions {
  const given = actsOf(steps);
  const resume = positionOf(given.resume ?? '');
  return {
    ...(given.user === undefined ? {} : { username: given.user }),
    ...(given.password === undefined ? {} : { password: given.password }),
    ...(given.port === undefined ? {} : { listeningPort: Number(given.port) }),
    ...(given.address === undefined ? {} : { announcedAddress: given.address }),
    ...(given.version === 'none' ? { version: false } : {}),
    ...(given['rdb-only'] === undefined ? {} : { rdbOnly: true }),
    ...(given['rdb-filter-only'] === undefined ? {} : { rdbFilterOnly: given['rdb-filter-only'] }),
    ...(given.report === undefined ? {} : { askReport: true }),
    ...(resume === undefined ? {} : { resume }),
  };
}

/** `! quiet` leaves out what is sent; `! asked` leaves out what is sent before INFO or PSYNC. */
function silenced(steps: readonly Step[], transcript: string[]): string[] {
  const acts = actsOf(steps);
  if ('quiet' in acts) return transcript.filter((one) => !one.startsWith('>'));
  if ('asked' in acts)
    return transcript.slice(transcript.findIndex((one) => /INFO|PSYNC/.test(one)));
  return transcript;
}
