/** The one function that is used of it (its README, "API"). */
declare module 'fs-native-extensions' {
  /** Locks an open file against other processes; whether it could be. */
  export function tryLock(fd: number): boolean;
}
