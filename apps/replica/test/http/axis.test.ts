import { describe, expect, it } from 'vitest';

interface Label {
  readonly at: number;
  readonly length: number;
  readonly left?: number;
}

interface Axis {
  timeStep(seconds: number, width: number): number;
  namesSeconds(step: number): boolean;
  placeLabels(labels: readonly Label[], width: number, gap: number): Required<Label>[];
}

const path = new URL('../../page/axis.js', import.meta.url).href;
const { timeStep, namesSeconds, placeLabels } = (await import(path)) as Axis;

describe('a time axis of the page', () => {
  const windows = Array.from({ length: 541 }, (_, i) => 60 + i);

  it.each([180, 240, 500, 900])(
    'has two labels or more, and none that overlap, at %i px',
    (width) => {
      for (const seconds of windows) {
        const step = timeStep(seconds, width);
        expect(Math.floor(seconds / step), `labels of ${seconds} s`).toBeGreaterThanOrEqual(2);
        const pixels = (step * width) / seconds;
        expect(pixels, `${seconds} s`).toBeGreaterThanOrEqual(namesSeconds(step) ? 54 : 40);
      }
    },
  );
});

describe('labels of the time line', () => {
  it('lie within the width, where their middle is at an end', () => {
    const ends = [
      { at: 500, length: 40 },
      { at: 0, length: 60 },
    ];
    expect(placeLabels(ends, 500, 10).map(({ left }) => left)).toEqual([460, 0]);
  });

  it('are dropped if they would touch a more important label', () => {
    const [now, oldest, close, clear] = [
      { at: 500, length: 30 },
      { at: 0, length: 90 },
      { at: 120, length: 60 },
      { at: 250, length: 60 },
    ];
    const placed = placeLabels([now, oldest, close, clear], 500, 10);
    expect(placed.map(({ at }) => at)).toEqual([500, 0, 250]);
  });
});
