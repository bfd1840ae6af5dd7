import { describeEndpoint } from '@forebay/replica';
import { formatDuration } from '../output/duration.ts';
import { pauseText } from './pause.ts';
import type { Status } from './status.ts';

/** Something that needs an operator: `critical` while data is not received, else `warning`. */
export interface Alert {
  readonly severity: 'critical' | 'warning';
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** Milliseconds that a link may be down before it is an alert: a reconnect takes less. */
const LINK_DOWN = 5000;
/** Seconds of lag that are an alert. */
const LAG = 60;

/** Alerts for an operator, the most severe first. */
export function alertsOf(status: Status): Alert[] {
  return [...pauseAlert(status), ...linkAlert(status), ...warningsOf(status)];
}

function pauseAlert({ paused }: Status): Alert[] {
  return paused === undefined ? [] : [{ severity: 'critical', message: pauseText(paused) }];
}

function linkAlert({ paused, link, now, upstream }: Status): Alert[] {
  const { downSince, state } = link;
  const isAsked = paused !== undefined || state === 'detached' || state === 'transfer';
  if (isAsked || downSince === undefined || now - downSince < LINK_DOWN) return [];
  const since = formatDuration((now - downSince) / 1000);
  const { host, port } = upstream;
  const endpoint =
    port === 0 ? ({ kind: 'unix', path: host } as const) : ({ kind: 'tcp', host, port } as const);
  const message = `no link to ${describeEndpoint(endpoint)} for ${since}: see the events for the cause`;
  return [{ severity: 'critical', message }];
}

function* warningsOf({ lag, link, log, held }: Status): Generator<Alert> {
  if (link.state === 'stream' && lag.seconds > LAG) {
    yield warning(`${formatDuration(lag.seconds)} behind the primary`);
  }
  if (log?.baseFailed) {
    yield warning('the last fetch of a base failed: retention cannot delete older data');
  }
  const lost = held?.cursors.filter(({ state }) => state === 'lost' || state === 'damaged') ?? [];
  for (const { name, state } of lost) {
    const what = state === 'lost' ? 'has lost its position' : 'has a damaged file';
    yield warning(
      `cursor ${name} ${what}: move it with forebay cursor set, or remove it with forebay cursor rm`,
    );
  }
}

function warning(message: string): Alert {
  return { severity: 'warning', message };
}
