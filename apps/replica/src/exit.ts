/** The exit codes, those of sysexits.h. */
export const EXIT = {
  ok: 0,
  runtime: 1,
  usage: 64,
  unavailable: 69,
  disk: 74,
  denied: 77,
  configuration: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What ends the daemon: a line for the person, and a code for who started it. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}
