import type { ReplicaErrorCode } from '@forebay/replica';

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

/**
 * Who read what we print has gone. Of lines nothing is wrong then, and nobody is left to be told: the code is
 * 0, unless a command's code says more than that it is done.
 */
export class BrokenPipe extends ExitError {
  constructor(exitCode: ExitCode = EXIT.ok) {
    super(exitCode, 'nobody reads what is printed');
  }
}

/**
 * What a command that tries once ends with, by why the link to the server failed: what a later try may mend
 * is told apart from what it will not. Undefined for what happened on a link that was there.
 */
export function linkExitCodeOf(code: ReplicaErrorCode): ExitCode | undefined {
  switch (code) {
    case 'INVALID_OPTION':
      return EXIT.usage;
    case 'DENIED':
      return EXIT.denied;
    case 'TLS':
      return EXIT.configuration;
    case 'UNREACHABLE':
    case 'UNRESOLVED':
    case 'TIMEOUT':
      return EXIT.unavailable;
    default:
      return undefined;
  }
}
