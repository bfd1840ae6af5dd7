import { readdirSync, readFileSync } from 'node:fs';
import {
  bytesOfStep,
  concatBytes,
  everySplit,
  parseDialogues,
  type Step,
  stepOfBytes,
} from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { BulkPayloadReader } from '../src/index.ts';
import { conclusionsOf } from './drive.ts';

const folder = new URL('scripts/', import.meta.url);

function textsOf(steps: readonly Step[], kind: Step['kind']): string[] {
  return steps.filter((step) => step.kind === kind).map((step) => step.text);
}

describe.each(readdirSync(folder).sort())('%s', (file) => {
  const dialogues = parseDialogues(readFileSync(new URL(file, folder), 'utf8'));

  it.each(dialogues)('$name, at every split', ({ steps }) => {
    const bytes = concatBytes(textsOf(steps, 'receive').map(bytesOfStep));
    const expected = textsOf(steps, 'conclude').map((text) => stepOfBytes(bytesOfStep(text)));
    const closes = textsOf(steps, 'act').includes('close');
    expect(expected).not.toEqual([]);
    for (const { name, pieces } of everySplit(bytes)) {
      const found = conclusionsOf(new BulkPayloadReader(), pieces.map(asBuffer), closes);
      expect(found, name).toEqual(expected);
    }
  });
});

/** As sockets give them; and a Buffer's `slice`, unlike that of other arrays, does not copy. */
function asBuffer(piece: Uint8Array): Uint8Array {
  return Buffer.from(piece.buffer, piece.byteOffset, piece.length);
}
