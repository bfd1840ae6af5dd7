import { byId, element, reconcile, setAttribute, setText } from './elements.js';
import { bytes, duration, plural, short, whole } from './format.js';

const LINK = {
  idle: 'not started',
  connect: 'connecting',
  handshake: 'handshake',
  transfer: 'full resync',
  stream: 'streaming',
  waiting: 'trying again soon',
  detached: 'detached',
};

const REPLICA = {
  online: 'streaming',
  send_bulk: 'full resync',
  wait_bgsave: 'waits for a snapshot',
};

/** More readers than these are drawn in one line each. */
const MANY = 4;
/** Seconds of lag from which on a consumer is shown as slow. */
const SLOW = 10;
/** Lag in seconds that is normal: a consumer acknowledges once a second. */
const KEEPING_UP = 2.5;

/** The tone of a link: what colour it has, and whether it flows. */
export function toneOfLink({ link, lag, paused }) {
  if (paused !== null) return 'bad';
  if (link.state === 'stream') return lag.seconds > SLOW ? 'slow' : 'good';
  if (link.state === 'transfer' || link.state === 'handshake') return 'busy';
  if (link.state === 'detached') return 'idle';
  return link.state === 'idle' ? 'idle' : 'bad';
}

export function toneOfReader({ state, age }) {
  if (state === 'lost' || state === 'damaged') return 'bad';
  if (state === 'send_bulk' || state === 'wait_bgsave') return 'busy';
  return (age ?? 0) > SLOW ? 'slow' : 'good';
}

/** What a reader waits for, in words. */
export function behindOf({ behind, age, state }) {
  if (state === 'lost') return 'its position is lost';
  if (state === 'damaged') return 'its file is damaged';
  if (behind === null) return REPLICA[state] ?? state;
  if (behind === 0) return 'up to date';
  if (age !== null && age < KEEPING_UP) return 'keeping up';
  return age === null ? `${bytes(behind)} behind` : `${bytes(behind)}, ${duration(age)} behind`;
}

/** The reason of a pause, and the space that is needed to end it. */
function pauseOf({ cause, reason, needed }) {
  if (cause === 'max-disk') return reason;
  return `the disk is full: ${reason}${needed > 0 ? `; ${bytes(needed)} must be free` : ''}`;
}

/** Draws whom it follows, itself, and those below, as they are. */
export class Chain {
  #above = node('above', 'Primary');
  #link = wire();
  #self = node('self', 'This forebay');
  #below = element('ul', { class: 'below', 'aria-label': 'Replicas and readers below' });

  constructor() {
    this.#self.root.append(element('div', { class: 'water', 'aria-hidden': 'true' }));
    byId('chain').append(this.#above.root, this.#link.root, this.#self.root, this.#below);
  }

  show(report, rate) {
    const { upstream, link, log, held, paused, replicas, cursors } = report;
    setText(
      this.#above.name,
      upstream.port === 0 ? upstream.host : `${upstream.host}:${upstream.port}`,
    );
    // It has what we have, whenever it was asked last.
    const offset = Math.max(upstream.offset ?? 0, log?.written ?? 0);
    const isKnown = upstream.offset !== null || Boolean(log?.id);
    const above = isKnown ? `at ${whole(offset)}` : 'its offset is not known';
    const tone = toneOfLink(report);
    const down = `not reached for ${short(`${duration(Math.floor((report.now - link.downSince) / 1000))} `)}`;
    const nobody = link.state === 'detached' ? 'no primary is followed' : undefined;
    const waits = paused === null ? undefined : 'paused, not reading';
    setText(this.#above.text, nobody ?? waits ?? (tone === 'bad' ? down : above));
    setAttribute(this.#above.root, 'data-tone', tone === 'bad' ? 'bad' : 'plain');
    this.#link.show(
      tone,
      paused === null ? (LINK[link.state] ?? link.state) : 'paused',
      link.state === 'stream' ? `${bytes(rate)}/s` : '',
    );
    setText(this.#self.name, log?.id ? `at ${whole(log.written)}` : 'nothing is held yet');
    const onDisk = held === null ? '' : `${bytes(held.bytes)} on disk, ${bytes(held.free)} free`;
    setText(this.#self.text, paused === null ? onDisk : pauseOf(paused));
    const well = log?.id ? 'plain' : 'busy';
    setAttribute(this.#self.root, 'data-tone', paused === null ? well : 'bad');
    const readers = [
      ...replicas.map((reader) => ({ ...reader, kind: 'replica' })),
      ...cursors.map((reader) => ({ ...reader, kind: 'reader' })),
    ];
    this.#showBelow(readers, report.port);
  }

  #showBelow(readers, port) {
    const none = {
      kind: 'none',
      name: port === 0 ? 'no replicas are served' : `none yet, on port ${port}`,
    };
    this.#below.classList.toggle('many', readers.length > MANY);
    reconcile(this.#below, readers.length === 0 ? [none] : readers, {
      key: ({ kind, name }) => `${kind} ${name}`,
      create: ({ kind }) => {
        const item = element('li');
        const { root, name, text } = node('reader', kind === 'none' ? 'Below' : kind);
        const connection = wire();
        item.append(connection.root, root);
        item.parts = { root, name, text, connection };
        return item;
      },
      update: ({ parts }, reader) => {
        setText(parts.name, reader.name);
        if (reader.kind === 'none') {
          parts.connection.show('none', '', '');
          setAttribute(parts.root, 'data-tone', 'none');
          return;
        }
        const tone = toneOfReader(reader);
        setText(parts.text, behindOf(reader));
        setAttribute(parts.root, 'data-tone', tone === 'good' ? 'plain' : tone);
        parts.connection.show(tone, '', '');
      },
    });
  }
}

/** What the chain comes to, in a sentence. */
export function summaryOf({ link, lag, paused, replicas }) {
  if (paused !== null) return pauseOf(paused);
  const where = LINK[link.state] ?? link.state;
  const late = link.state === 'stream' ? `, ${duration(lag.seconds)} behind` : '';
  return `${where}${late}; ${plural(replicas.length, 'replica')} below`;
}

function node(kind, title) {
  const name = element('p', { class: 'name' });
  const text = element('p', { class: 'quiet' });
  const label = element('p', { class: 'label', text: title });
  return { root: element('div', { class: `node ${kind}` }, label, name, text), name, text };
}

function wire() {
  const [word, rate] = [element('span', { class: 'word' }), element('span', { class: 'rate' })];
  const line = element('div', { class: 'line', 'aria-hidden': 'true' });
  const root = element('div', { class: 'wire', 'data-tone': 'idle' }, word, line, rate);
  return {
    root,
    show: (tone, text, speed) => {
      setAttribute(root, 'data-tone', tone);
      setText(word, text);
      setText(rate, speed);
    },
  };
}
