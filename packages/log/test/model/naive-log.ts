/** A stretch of stream, as a naive log has it: the bytes in memory. */
export interface NaiveSegment {
  /** Its ids, and the offset after which each began. */
  readonly ids: readonly { readonly id: string; readonly from: number }[];
  /** Offset of the last byte before the first. */
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** What a log is to hold, as simply as it can be said. A value: never changed. */
export interface NaiveLog {
  readonly live: NaiveSegment;
  /** Where bases stand that can be gone back to. */
  readonly bases: readonly number[];
  /** What full resyncs have replaced, oldest first. */
  readonly past: readonly NaiveSegment[];
}

export function endOf({ start, bytes }: NaiveSegment): number {
  return start + bytes.length;
}

export function beginNaively(log: NaiveLog | undefined, id: string, start: number): NaiveLog {
  const past = log === undefined ? [] : [...log.past, log.live];
  return {
    live: { ids: [{ id, from: start }], start, bytes: new Uint8Array(0) },
    bases: [start],
    past,
  };
}

export function appendNaively(log: NaiveLog, bytes: Uint8Array): NaiveLog {
  const joined = new Uint8Array(log.live.bytes.length + bytes.length);
  joined.set(log.live.bytes);
  joined.set(bytes, log.live.bytes.length);
  return { ...log, live: { ...log.live, bytes: joined } };
}

export function shiftNaively(log: NaiveLog, id: string): NaiveLog {
  return { ...log, live: { ...log.live, ids: [...log.live.ids, { id, from: endOf(log.live) }] } };
}

export function addBaseNaively(log: NaiveLog, offset: number): NaiveLog {
  return { ...log, bases: [...log.bases, offset] };
}

/** What the segment is called. */
export function idOf({ ids }: NaiveSegment): string {
  return ids.at(-1)?.id ?? '';
}

/** The log with what came after `offset` gone. */
export function cutNaively(log: NaiveLog, offset: number): NaiveLog {
  const { live, bases } = log;
  const bytes = live.bytes.slice(0, offset - live.start);
  const ids = live.ids.filter(({ from }, i) => i === 0 || from < offset);
  return { ...log, live: { ...live, ids, bytes }, bases: bases.filter((base) => base <= offset) };
}
