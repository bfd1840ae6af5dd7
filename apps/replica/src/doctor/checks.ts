import type { Check } from './check.ts';
import { capacityChecks } from './checks/capacity.ts';
import { directoryChecks } from './checks/directory.ts';
import { linkChecks } from './checks/link.ts';
import { replicationChecks } from './checks/replication.ts';
import { rightsChecks } from './checks/rights.ts';
import { serverChecks } from './checks/server.ts';

/** All that is tried, in order: a check comes after those that it needs. */
export const CHECKS: readonly Check[] = [
  ...linkChecks,
  ...rightsChecks,
  ...replicationChecks,
  ...capacityChecks,
  ...serverChecks,
  ...directoryChecks,
];
