import { behindOf, toneOfReader } from './chain.js';
import { byId, drawn, element, reconcile, setAttribute, setText } from './elements.js';
import { bytes, duration, short } from './format.js';

/** Ages in seconds that the axis names, where there is room. */
const TICKS = [0, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400];
/** Seconds that are drawn at the least. */
const LEAST = 60;
const BAND = 26;

/**
 * What is held, from the oldest base to now, with the place of each reader on it. The further back, the
 * closer together: a reader is seconds behind, a log reaches back for days.
 */
export class TimeLine {
  #band = drawn('svg', { class: 'band', height: BAND + 22, role: 'img' });
  #lanes = element('ul', { class: 'lanes', 'aria-label': 'Readers of the log' });
  #report;

  constructor() {
    byId('time-line').append(this.#band, this.#lanes);
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
    let free = -Infinity;
    const ticks = TICKS.filter((age) => age < window * 0.9)
      .concat(window)
      .reverse()
      .flatMap((age) => {
        const at = x(now - age * 1000);
        if (at < free) return [];
        free = at + 70;
        const anchor = at < 20 ? 'start' : at > width - 20 ? 'end' : 'middle';
        const text = age === 0 ? 'now' : short(`${duration(age)} ago`);
        return drawn('text', { x: at, y: BAND + 15, 'text-anchor': anchor, text });
      });
    return [...bars, ...ticks];
  }
}

function oldestOf({ now, held }) {
  const times = (held?.segments ?? []).flatMap(({ first, bases }) => [
    ...(first === null ? [] : [first]),
    ...bases.map(({ time }) => time),
  ]);
  return Math.min(now, ...times);
}
