import { formatBytes } from '../reporter.ts';
import type { PauseStatus } from './status.ts';

/** A pause in a sentence: what is wrong, and what is needed. */
export function pauseText({ cause, reason, needed }: Omit<PauseStatus, 'since'>): string {
  if (cause === 'max-disk') return `paused: ${reason}`;
  const need = needed > 0 ? `; ${formatBytes(needed)} must be free` : '';
  return `paused, the disk is full: ${reason}${need}`;
}
