import { Chain, summaryOf, toneOfLink } from './chain.js';
import { Charts } from './charts.js';
import { byId, element, reconcile, setAttribute, setText } from './elements.js';
import { showEvents } from './events.js';
import { showFacts } from './facts.js';
import { bytes, clock, duration, short } from './format.js';
import { listen } from './live.js';
import { TimeLine } from './time-line.js';

const WORDS = {
  idle: 'Starting',
  connect: 'Connecting',
  handshake: 'Handshake',
  transfer: 'Receiving a full copy',
  stream: 'Following',
  waiting: 'Link is down',
  detached: 'Following no primary',
};

const chain = new Chain();
const charts = new Charts();
const timeLine = new TimeLine();
let announced = '';
/** What the transfer was when it was looked at last, for its speed. */
let transfer;

listen({
  onHistory: (columns) => charts.restart(columns),
  onStatus: (report) => {
    charts.add(report);
    show(report);
  },
  onLost: (since) => {
    const banner = byId('banner');
    setText(
      banner,
      `The connection to this forebay was lost at ${clock(since)}. What is shown is from then; it is tried again.`,
    );
    banner.hidden = false;
    document.body.classList.add('lost');
    document.title = 'lost – forebay';
    setText(byId('announcement'), '');
    announced = '';
  },
  onBack: () => {
    byId('banner').hidden = true;
    document.body.classList.remove('lost');
  },
});

function show(report) {
  const { version, uptime, link, lag } = report;
  const tone = toneOfLink(report);
  const word = wordOf(report);
  const late = tone === 'slow' ? `, ${duration(lag.seconds)} behind` : '';
  setText(byId('version'), version);
  setText(byId('uptime'), `up ${short(`${duration(Math.floor(uptime / 1000))} `)}`);
  setAttribute(byId('state'), 'data-tone', tone);
  setText(byId('state-text'), word + late);
  document.title = `${word.toLowerCase()} – forebay`;
  announce(report.paused?.reason ?? link.state, report);
  showAlerts(report.alerts);
  chain.show(report, charts.rate);
  showSync(report);
  timeLine.show(report);
  showEvents(report.events);
  showFacts(report);
  document.body.classList.add('ready');
}

/** The state in a few words. */
function wordOf({ link, paused }) {
  if (paused !== null)
    return paused.cause === 'max-disk' ? 'Limit reached, paused' : 'Disk full, paused';
  return WORDS[link.state] ?? link.state;
}

function showAlerts(alerts) {
  byId('alerts').hidden = alerts.length === 0;
  reconcile(byId('alerts'), alerts, {
    key: ({ severity }) => severity,
    create: ({ severity }) =>
      element('li', { 'data-tone': severity === 'critical' ? 'bad' : 'slow' }),
    update: (item, { message }) => setText(item, message[0].toUpperCase() + message.slice(1)),
  });
}

/** Who does not see the page is told when the link changes, and not each second. */
function announce(state, report) {
  if (state === announced) return;
  announced = state;
  setText(byId('announcement'), summaryOf(report));
}

function showSync({ link: { state, since, transfer: progress }, now, events }) {
  byId('sync').hidden = state !== 'transfer';
  if (state !== 'transfer') {
    transfer = undefined;
    return;
  }
  const { read, total } = progress ?? { read: 0, total: null };
  transfer ??= { read: 0, since };
  const rate = (read * 1000) / Math.max(1, now - transfer.since);
  const share = total ? (100 * read) / total : undefined;
  setText(byId('sync-share'), share === undefined ? bytes(read) : `${Math.floor(share)} %`);
  setAttribute(
    byId('sync-bar'),
    'aria-valuenow',
    share === undefined ? undefined : Math.floor(share),
  );
  byId('sync-bar').classList.toggle('unknown', share === undefined);
  byId('sync-fill').style.setProperty('--share', `${share ?? 0}%`);
  const reason = events.findLast(({ message }) => message.startsWith('full copy,'))?.message;
  const left =
    total && rate > 0
      ? `, about ${short(`${duration(Math.ceil((total - read) / rate))} left`)}`
      : '';
  const of = total ? ` of ${bytes(total)}` : '';
  const text =
    progress === null
      ? 'The primary makes the snapshot.'
      : `${bytes(read)}${of} at ${bytes(rate)}/s${left}.`;
  setText(
    byId('sync-text'),
    reason === undefined || progress === null ? text : `${text} ${whyOf(reason)}`,
  );
}

/** The reason of a full copy, out of what was said of it. */
function whyOf(message) {
  const [, reason] = /\((.*)\)$/.exec(message) ?? [];
  return reason === undefined ? '' : `Why: ${reason}.`;
}
