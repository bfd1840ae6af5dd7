export type { LineValue } from './json-text.ts';
export { lineValueOf } from './json-text.ts';
export type { Piece } from './json-value.ts';
export { JsonValue } from './json-value.ts';
