/** Counts of data that no command can create. */
export interface Losses {
  /** Keys without their module metadata. */
  metadata: number;
  negative: number;
  produced: number;
  deleted: number;
}

const TEXTS: Readonly<Record<keyof Losses, string>> = {
  metadata: 'keys without their module metadata: no command sets it',
  negative: 'pending entries left out that consumers released (XNACK): no command sets them',
  produced: 'ids for duplicate detection left out: no command sets them',
  deleted: 'pending entries of deleted messages left out: their streams are above 512 MiB',
};

/** A line for each loss that there is. */
export function linesOfLosses(losses: Losses): string[] {
  const names = Object.keys(TEXTS) as (keyof Losses)[];
  return names.filter((name) => losses[name] > 0).map((name) => `${losses[name]} ${TEXTS[name]}`);
}
