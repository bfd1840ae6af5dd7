import { CR, LF, MINUS, ZERO } from './bytes.ts';
import { RespError, type RespPeerErrorCode } from './errors.ts';
import { MAX_NUMBER_LENGTH } from './limits.ts';

/**
 * Reads the number of a header line, and its CR LF, byte by byte: what is read before a chunk ends
 * is not read again. The grammar is `util.c: string2ll`: no plus sign, no leading zero, no `-0`.
 */
export class NumberLine {
  /** The number, once `read` has returned true; inexact past 2^53, which no limit allows. */
  value = 0;
  #code: RespPeerErrorCode = 'INVALID_COUNT';
  #length = 0;
  #negative = false;
  #ended = false;

  /** Starts a line; `code` is what it fails with where it is no number. */
  begin(code: RespPeerErrorCode): void {
    this.#code = code;
    this.value = 0;
    this.#length = 0;
    this.#negative = false;
    this.#ended = false;
  }

  /**
   * Takes the next byte of the line, at `offset` of the stream. True when it was the last one.
   *
   * @throws {RespError} the code given to `begin`; `INVALID_FRAMING` if the CR has no LF
   */
  read(byte: number, offset: number): boolean {
    if (this.#ended) {
      if (byte !== LF) throw new RespError('INVALID_FRAMING', 'a CR is not followed by LF', offset);
      if (this.#negative) this.value = -this.value;
      return true;
    }
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) {
      const afterZero = this.#length > 0 && this.value === 0 && !(this.#negative && digit > 0);
      if (afterZero || this.#length === MAX_NUMBER_LENGTH) throw this.#refused(byte, offset);
      this.value = this.value * 10 + digit;
    } else if (byte === MINUS && this.#length === 0) {
      this.#negative = true;
    } else if (byte === CR && this.#length > (this.#negative ? 1 : 0)) {
      this.#ended = true;
    } else {
      throw this.#refused(byte, offset);
    }
    this.#length++;
    return false;
  }

  #refused(byte: number, offset: number): RespError {
    const what = this.#code === 'INVALID_COUNT' ? 'count' : 'length';
    return new RespError(this.#code, `a ${what} cannot hold byte ${byte} here`, offset);
  }
}
