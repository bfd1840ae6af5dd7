/** What is told of a file. */
export interface SimulatedStat {
  readonly size: number;
  /** When it changed last: milliseconds since 1970. */
  readonly modified: number;
  /** Whether that was in this run of the machine. */
  readonly ofThisRun: boolean;
  /** The path that the file was made at; a rename keeps it. */
  readonly identity: string;
  readonly device: string;
}
