/** The bytes that the framing is made of. */
export const CR = 13;
export const LF = 10;
export const ZERO = 48;
export const MINUS = 45;
export const STAR = 42;
export const DOLLAR = 36;
