export type { OpenBase } from './base/open-base.ts';
export type { Origin } from './base/origin.ts';
export type { BaseTarget, FirstBase, FreshBase, NewBase } from './changes/new-base.ts';
export type { CheckCounts, CheckProgress, CheckReport } from './check/check.ts';
export { check } from './check/check.ts';
export type { Finding } from './check/finding.ts';
export type { Lost } from './check/plan-repair.ts';
export type { RepairReport } from './check/repair.ts';
export { repair } from './check/repair.ts';
export type { LogCopy } from './copy/copy-log.ts';
export { copyLog } from './copy/copy-log.ts';
export type { CopyOptions } from './copy/file-copies.ts';
export type { CursorPlace } from './cursors/cursor-file.ts';
export type { Cursor } from './cursors/cursors.ts';
export type { Pin } from './cursors/pins.ts';
export { isLogDirectory } from './directory/no-log.ts';
export type { Disk, DiskFile, DiskLock, DiskStat } from './disk/disk.ts';
export { nodeDisk } from './disk/node-disk.ts';
export type { LogErrorCode } from './errors.ts';
export { LogError } from './errors.ts';
export type { SyncPolicy } from './increment/syncer.ts';
export { inspect } from './inspect/inspect.ts';
export type {
  BaseInventory,
  CursorInventory,
  IncrementInventory,
  Inventory,
  SegmentInventory,
} from './inspect/inventory.ts';
export { hasWriter } from './inspect/writer.ts';
export { Log } from './log.ts';
export type { BaseInView, HeldPlace } from './log-reader.ts';
export type { LogListener, LogOptions, LogProgress, LogSize, StepBack } from './log-types.ts';
export type { Base } from './manifest/manifest.ts';
export { APPEND_DIRECTORY } from './manifest/manifest.ts';
export type { LogItem, ReadOptions } from './reading/read-log.ts';
export type { LogEnd } from './recovery/log-end.ts';
export type { LeftOut } from './recovery/settle-copy.ts';
export type { CheckedPiece } from './restore/checked-bytes.ts';
export type { RestoreTarget } from './restore/place.ts';
export type { RestorePart, RestorePlan } from './restore/plan.ts';
export { planRestore } from './restore/plan.ts';
export type { RestorablePart } from './restore/restorable.ts';
export { withRestorable } from './restore/restorable.ts';
export type { Restored, RestoreOptions } from './restore/restore.ts';
export { restore } from './restore/restore.ts';
export type { Retained, RetainPolicy } from './retention/retain.ts';
export type { LogViewOptions } from './view/log-view.ts';
export { LogView } from './view/log-view.ts';
export type { ClockStep } from './watched-clock.ts';
