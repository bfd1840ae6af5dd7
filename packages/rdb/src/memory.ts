export { MemoryEstimate } from './memory/memory-estimate.ts';
export type { MeasuredKey, MemoryTotal, MemoryTotalsOptions } from './memory/memory-totals.ts';
export { MemoryTotals } from './memory/memory-totals.ts';
export type { MemoryUsageOptions } from './memory/memory-usage.ts';
export { MemoryUsage } from './memory/memory-usage.ts';
