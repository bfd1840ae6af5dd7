export type { RdbFileOptions } from './rdb-file.ts';
export { RdbFile } from './rdb-file.ts';
export type { ReceiveProgress, ReceiveResult, ReceiveTarget } from './receive.ts';
export { receiveRdb } from './receive.ts';
export { removeStaleTemporaries } from './temporaries.ts';
