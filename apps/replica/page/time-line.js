import { placeLabels } from './axis.js';
import { behindOf, toneOfReader } from './chain.js';
import { byId, drawn, element, reconcile, setAttribute, setText } from './elements.js';
import { bytes, dateTime, duration, plural, short, whole } from './format.js';

/** Ages in seconds that the axis names, where there is room. */
const TICKS = [0, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400];
/** Seconds that are drawn at the least. */
const LEAST = 60;
const BAND = 26;
/** Pixels between two labels of the axis. */
const GAP = 10;
/** Past segments that are listed, newest first. */
const LISTED = 5;

const SET_ASIDE = {
  replaced: 'replaced by a full resync',
  rewound: 'set aside by a step back',
};

/**
 * What is held, from the oldest base to now, with the place of each reader on it. The further back, the
 * closer together: a reader is seconds behind, a log reaches back for days.
 */
export class TimeLine {
  #band = drawn('svg', { class: 'band', height: BAND + 22, role: 'img' });
  #lanes = element('ul', { class: 'lanes', 'aria-label': 'Readers of the log' });
  #aside = element('ul', { class: 'aside', 'aria-label': 'Segments set aside' });
  #report;

  constructor() {
    byId('time-line').append(this.#band, this.#lanes, this.#aside);
    new ResizeObserver(() => this.#draw()).observe(this.#band);
  }

  show(report) {
    this.#report = report;
    this.#draw();
    const { held, log } = report;
    const oldest = oldestOf(report);
    const summary =
      held === null || log?.id === null || log === null
        ? 'nothing is held yet'
        : `${bytes(log.written - log.lowest)} of stream, ${duration((report.now - oldest) / 1000)} back; ${bytes(held.bytes)} in ${held.files} files`;
    setText(byId('log-summary'), summary);
    setAttribute(this.#band, 'aria-label', `The log: ${summary}`);
    this.#showAside(held?.segments ?? []);
  }

  /** Past segments, newest first; the oldest ones in one line. */
  #showAside(segments) {
    const past = segments.filter(({ state }) => state !== 'live').reverse();
    const older = past.slice(LISTED);
    const lines = past.slice(0, LISTED).map(({ state, from, to, ended, bytes: size }) => {
      const when = ended === null ? '' : `, ${dateTime(ended)}`;
      return `${whole(from)} to ${whole(to)}: ${SET_ASIDE[state] ?? state}${when}, ${bytes(size)}`;
    });
    if (older.length > 0) {
      const size = older.reduce((sum, each) => sum + each.bytes, 0);
      lines.push(`${plural(older.length, 'older segment')}, ${bytes(size)}`);
    }
    this.#aside.hidden = lines.length === 0;
    reconcile(this.#aside, lines, {
      key: (line) => line,
      create: (text) => element('li', { text }),
    });
  }

  #draw() {
    const report = this.#report;
    if (report === undefined) return;
    const { now, held, replicas, cursors } = report;
    const window = Math.max(LEAST, (now - oldestOf(report)) / 1000);
    const place = (time) => 1 - Math.log1p(Math.max(0, now - time) / 1000) / Math.log1p(window);
    const width = this.#band.clientWidth;
    if (width > 0)
      this.#band.replaceChildren(...this.#bandOf(held?.segments ?? [], now, window, width, place));
    const readers = [...replicas, ...cursors];
    reconcile(this.#lanes, readers, {
      key: ({ name }) => name,
      create: ({ name }) => {
        const [rest, pin] = [element('div', { class: 'rest' }), element('div', { class: 'pin' })];
        const text = element('span', { class: 'quiet' });
        const lane = element('div', { class: 'lane', 'aria-hidden': 'true' }, rest, pin);
        const item = element('li', {}, element('span', { class: 'name', text: name }), lane, text);
        item.parts = { lane, text };
        return item;
      },
      update: ({ parts, ...item }, reader) => {
        const at = reader.behind === 0 ? 1 : reader.next === null ? 0 : place(reader.next);
        parts.lane.style.setProperty('--at', `${(100 * Math.min(1, Math.max(0, at))).toFixed(2)}%`);
        setAttribute(parts.lane, 'data-tone', toneOfReader(reader));
        // While it gets its copy it has no place.
        const isLost = reader.state === 'lost' || reader.state === 'damaged';
        parts.lane.classList.toggle('placeless', reader.behind === null && !isLost);
        setText(parts.text, behindOf(reader));
        return item;
      },
    });
  }

  #bandOf(segments, now, window, width, place) {
    const x = (time) => Math.round(place(time) * width * 10) / 10;
    const bars = segments.flatMap((segment) => {
      const { state, first, last, bases } = segment;
      const from = Math.min(first ?? now, ...bases.map(({ time }) => time));
      const to = state === 'live' ? now : (last ?? from);
      const left = Math.max(0, x(from));
      const right = Math.max(left + 2, x(to));
      const marks = bases.map(({ time, bytes: size }) =>
        drawn(
          'g',
          {
            class: 'base',
            transform: `translate(${Math.min(width - 5, Math.max(5, x(time)))} ${BAND / 2})`,
          },
          drawn('path', { d: 'M0 -6L6 0L0 6L-6 0Z' }),
          drawn('title', { text: `base of ${bytes(size)}, ${duration((now - time) / 1000)} ago` }),
        ),
      );
      const bar = drawn(
        'rect',
        { class: `segment ${state}`, x: left, y: 4, width: right - left, height: BAND - 8, rx: 4 },
        drawn('title', { text: `${state}: ${bytes(segment.bytes)}` }),
      );
      return [bar, ...marks];
    });
    const ticks = labelsOf(window, width, (age) => x(now - age * 1000));
    return [...bars, ...ticks];
  }
}

/** The labels of the axis: its two ends, and as many ages between them as fit. */
function labelsOf(window, width, x) {
  const between = TICKS.filter((age) => age > 0 && age < window);
  const labels = [0, window, ...between].map((age) => {
    const text = age === 0 ? 'now' : short(`${duration(age)} ago`);
    return { text, at: x(age), length: widthOf(text) };
  });
  return placeLabels(labels, width, GAP).map(({ text, left }) =>
    drawn('text', { x: left, y: BAND + 15, text }),
  );
}

const measure = document.createElement('canvas').getContext('2d');

/** Pixels that a label of the axis takes. */
function widthOf(text) {
  measure.font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;
  return measure.measureText(text).width;
}

function oldestOf({ now, held }) {
  const times = (held?.segments ?? []).flatMap(({ first, bases }) => [
    ...(first === null ? [] : [first]),
    ...bases.map(({ time }) => time),
  ]);
  return Math.min(now, ...times);
}
