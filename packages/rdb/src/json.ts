export { keyName } from './bytes/text.ts';
export { ByteSink } from './json/byte-sink.ts';
export type { JsonLinesOptions } from './json/json-lines.ts';
export { JsonLines } from './json/json-lines.ts';
export type { Piece } from './json/json-value.ts';
export { JsonValue } from './json/json-value.ts';
