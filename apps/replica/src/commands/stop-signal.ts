/** Milliseconds in which such a command ends when it is told to; then it is ended. */
const GRACE = 2000;

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process at once. What runs ends in its own time. */
export function stopSignal(): AbortSignal {
  return abortedBy(['SIGTERM', 'SIGINT']);
}

/**
 * The same for a command that may wait for a pipe, and ends with its terminal too. What nobody reads or
 * writes can be waited for without end: after two seconds that is over.
 */
export function endSignal(): AbortSignal {
  return abortedBy(['SIGTERM', 'SIGINT', 'SIGHUP'], (signal) => {
    setTimeout(() => process.kill(process.pid, signal), GRACE).unref();
  });
}

function abortedBy(
  signals: readonly NodeJS.Signals[],
  then: (signal: NodeJS.Signals) => void = () => {},
): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    process.once(signal, () => {
      controller.abort();
      then(signal);
    });
  }
  return controller.signal;
}
