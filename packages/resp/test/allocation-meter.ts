/**
 * Counts what typed arrays of an asked-for length take while `run` runs, in bytes. Views and copies
 * of arrays that exist count nothing: their bytes are there already, or came from the input.
 */
export function bytesTaken(run: () => void): number {
  const { Uint8Array: Bytes, Int32Array: Integers } = globalThis;
  let taken = 0;
  const metered = <T extends typeof Bytes | typeof Integers>(original: T): T =>
    new Proxy(original, {
      construct(target, args, newTarget) {
        if (typeof args[0] === 'number') taken += args[0] * target.BYTES_PER_ELEMENT;
        return Reflect.construct(target, args, newTarget === undefined ? target : newTarget);
      },
    });
  globalThis.Uint8Array = metered(Bytes);
  globalThis.Int32Array = metered(Integers);
  try {
    run();
  } finally {
    globalThis.Uint8Array = Bytes;
    globalThis.Int32Array = Integers;
  }
  return taken;
}
