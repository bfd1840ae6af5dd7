/** What stands where the type of a value may stand, and is none (`rdb.h`). */
export const OPCODE = {
  /** 243: of Valkey since 9.0. */
  slotImport: 0xf3,
  /** 243 again: of Redis since 8.6; what modules tell of the key that follows. */
  keyMetadata: 0xf3,
  slotInfo: 0xf4,
  function: 0xf5,
  moduleAux: 0xf7,
  idle: 0xf8,
  frequency: 0xf9,
  /** Precedes an auxiliary field: a key and a value, both strings (RDB 7, Redis 3.2). */
  aux: 0xfa,
  resizeDatabase: 0xfb,
  expireMilliseconds: 0xfc,
  expireSeconds: 0xfd,
  selectDatabase: 0xfe,
  end: 0xff,
} as const;
