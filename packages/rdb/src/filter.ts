export type { KeySelectionOptions, Range } from './filter/key-selection.ts';
export { keySelection } from './filter/key-selection.ts';
export type { RdbFilterOptions } from './filter/rdb-filter.ts';
export { RdbFilter } from './filter/rdb-filter.ts';
