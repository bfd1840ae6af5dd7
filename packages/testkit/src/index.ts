export { bytesOf, concatBytes, textOf } from './bytes.ts';
export type { Dialogue, Step } from './dialogue.ts';
export { bytesOfStep, parseDialogues, stepOfBytes } from './dialogue.ts';
export type { Random } from './random.ts';
export { randomFrom, runSeed } from './random.ts';
export type { Split } from './splits.ts';
export { everySplit, join, splitAtRandom } from './splits.ts';
