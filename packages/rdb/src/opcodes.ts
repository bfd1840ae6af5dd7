/** Precedes an auxiliary field: a key and a value, both strings (RDB 7, Redis 3.2; `rdb.h`). */
export const OPCODE_AUX = 0xfa;
