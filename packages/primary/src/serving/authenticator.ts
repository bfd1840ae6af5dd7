import { createHash, timingSafeEqual } from 'node:crypto';
import { textOf } from '../conversation/replies.ts';

/** Compares in a time that tells nothing of what was right about it. */
export function authenticator(password: string): (user: string, given: string) => boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest();
  const expected = digest(textOf(password));
  return (user, given) => {
    const right = timingSafeEqual(digest(given), expected);
    return right && user === 'default';
  };
}
