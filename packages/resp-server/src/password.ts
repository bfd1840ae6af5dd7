import { createHash, timingSafeEqual } from 'node:crypto';
import { textOf } from './replies.ts';

/** The password of the one user, `default` (`requirepass`). */
export class Password {
  #digest: Buffer | undefined;

  /** Undefined: none is required. */
  set(password: string | undefined): void {
    this.#digest = password === undefined ? undefined : digestOf(textOf(password));
  }

  get isRequired(): boolean {
    return this.#digest !== undefined;
  }

  /** Compares in a time that does not depend on the given password. */
  accepts(user: string, password: string): boolean {
    if (this.#digest === undefined) return user === 'default';
    const isRight = timingSafeEqual(digestOf(password), this.#digest);
    return isRight && user === 'default';
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}
