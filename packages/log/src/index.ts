export type { LogErrorCode } from './errors.ts';
export { LogError } from './errors.ts';
export type { BaseStart, BaseTarget, LogEnd, LogOptions, LogProgress } from './log.ts';
export { Log } from './log.ts';
export type { LogChunk } from './read-increment.ts';
export type { ReadOptions } from './read-log.ts';
export type { SyncPolicy } from './syncer.ts';
