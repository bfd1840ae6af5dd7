export type { BacklogOptions } from './backlog.ts';
export { Backlog, DEFAULT_BACKLOG_SIZE } from './backlog.ts';
export type { BacklogErrorCode } from './errors.ts';
export { BacklogError } from './errors.ts';
