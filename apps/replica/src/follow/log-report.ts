import type { ClockStep, LeftOut, Log, StepBack } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';

/** Reports what an opened log holds. */
export function reportOpened({ found }: Log, reporter: Reporter): void {
  if (found === undefined) {
    reporter.step('nothing is held yet: a full copy comes first', { event: 'held' });
    return;
  }
  const { history, offset, dropped, copied } = found;
  const position = formatPosition({ id: history.id, offset });
  reporter.step(`held up to ${position}`, { event: 'held', position });
  if (copied !== undefined) reportCopy(position, dropped, copied, reporter);
  if (dropped === 0 || copied !== undefined) return;
  const lost = formatBytes(dropped);
  reporter.trouble(`${lost} after that were not synced when the power went, and are not kept`, {
    event: 'bytes-dropped',
    position,
    bytes: dropped,
  });
}

/** Reports that the directory is a copy that was made while the log was written to. */
function reportCopy(
  position: string,
  dropped: number,
  leftOut: readonly LeftOut[],
  reporter: Reporter,
): void {
  const tail = dropped === 0 ? '' : `; ${formatBytes(dropped)} after that position are dropped`;
  reporter.step(`the directory is a copy: checksums confirm it up to ${position}${tail}`, {
    event: 'copy-opened',
    position,
    bytes: dropped,
  });
  for (const { file, what } of leftOut) {
    reporter.trouble(`ignored, incomplete copy: ${file}: ${what}`, {
      event: 'copy-left-out',
      position,
      reason: what,
    });
  }
}

/** Reports that a log was closed: `stopped` with the process, or `detached` from the primary. */
export function reportClosed(
  { history, written }: Log,
  how: 'stopped' | 'detached',
  reporter: Reporter,
): void {
  const position = history && formatPosition({ id: history.id, offset: written });
  const place = position === undefined ? 'with an empty log' : `at ${position}`;
  const message = `${how} ${place}, all data synced to disk`;
  reporter.good(message, { event: 'stopped', position });
}

/** Reports that the clock stepped back. */
export function reportClockStep({ from, to }: ClockStep, reporter: Reporter): void {
  const [before, after] = [from, to].map((time) => new Date(time).toISOString());
  const seconds = (from - to) / 1000;
  const message =
    `the clock stepped back by ${seconds} s, from ${before} to ${after}: ` +
    'restore --at a time between them ends before the step';
  reporter.trouble(message, { event: 'clock-stepped-back', seconds });
}

/** Reports that the log stepped back. */
export function reportStepBack({ from, to, offset }: StepBack, reporter: Reporter): void {
  const bytes = from.offset - offset;
  const positions = { from: formatPosition(from), position: formatPosition(to) };
  const way = `from ${positions.from} to ${positions.position}`;
  reporter.good(
    `rewound ${way}: ${formatBytes(bytes)} that the new primary never had are moved aside`,
    { event: 'rewound', from: positions.from, position: positions.position, bytes },
  );
}
