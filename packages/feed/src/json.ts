export type { LineValue } from './json-text.ts';
export { lineValueOf } from './json-text.ts';
