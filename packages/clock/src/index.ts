export type { Clock, StopTimer } from './clock.ts';
export { systemClock } from './clock.ts';
