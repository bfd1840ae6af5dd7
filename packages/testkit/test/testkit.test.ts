import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  bytesOfStep,
  concatBytes,
  everySplit,
  join,
  parseDialogues,
  randomFrom,
  splitAtRandom,
  stepOfBytes,
} from '../src/index.ts';

describe('splits', () => {
  it('cut whole, byte by byte and in two at every position, and lose nothing', () => {
    const splits = [...everySplit(bytesOf('abcd'))];
    expect(splits.map((split) => split.pieces.length)).toEqual([1, 4, 2, 2, 2]);
    for (const split of splits) expect(join(split)).toEqual(bytesOf('abcd'));
  });

  it('at random keep the order and the bound', () => {
    const random = randomFrom(7);
    const bytes = random.bytes(1000);
    const pieces = splitAtRandom(bytes, random, 9);
    expect(concatBytes(pieces)).toEqual(bytes);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(9);
  });
});

describe('random numbers', () => {
  it('repeat for a seed and differ between seeds', () => {
    const draw = (seed: number) => Array.from({ length: 20 }, randomFrom(seed).float);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

describe('dialogue files', () => {
  it('hold named dialogues of steps', () => {
    const [first, second] = parseDialogues('# note\n== one\n> PING\\r\\n\n< +PONG\n== two\n= done');
    expect(first?.steps.map((step) => step.kind)).toEqual(['send', 'receive']);
    expect(second).toEqual({ name: 'two', steps: [{ kind: 'conclude', text: 'done', line: 6 }] });
  });

  it('refuse a line they do not know', () => {
    expect(() => parseDialogues('== one\n? what')).toThrow(/line 2/);
  });

  it('escape bytes both ways', () => {
    const text = 'a\\r\\n\\x00\\\\{';
    expect(stepOfBytes(bytesOfStep(text))).toBe(text);
    expect(bytesOfStep('{3*a}b')).toEqual(bytesOf('aaab'));
  });
});
