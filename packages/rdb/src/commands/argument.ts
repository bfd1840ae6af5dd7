/** What a command is made of. */
export type Argument = string | number | Uint8Array;
