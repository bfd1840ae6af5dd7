export type { LogErrorCode } from './errors.ts';
export { LogError } from './errors.ts';
export { Log } from './log.ts';
export type { BaseStart, BaseTarget, LogEnd, LogOptions, LogProgress } from './log-types.ts';
export type { LogChunk } from './read-increment.ts';
export type { ReadOptions } from './read-log.ts';
export type { SyncPolicy } from './syncer.ts';
