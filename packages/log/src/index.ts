export type { LogErrorCode } from './errors.ts';
export { LogError } from './errors.ts';
export type { BaseStart, BaseTarget, LogEnd, LogOptions, LogProgress } from './log.ts';
export { Log } from './log.ts';
export type { LogChunk } from './read.ts';
export type { SyncPolicy } from './syncer.ts';
