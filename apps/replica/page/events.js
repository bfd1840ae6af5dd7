import { byId, element, reconcile } from './elements.js';
import { clock, day } from './format.js';

/** Lines that are shown, newest first. */
const SHOWN = 50;

/** Recent events, each day under its date. */
export function showEvents(events) {
  reconcile(byId('events'), linesOf(events.slice(-SHOWN).reverse()), {
    key: ({ date, number, time }) => date ?? `${number} ${time}`,
    create: ({ date, time, tone, message }) =>
      date === undefined
        ? element(
            'li',
            { 'data-tone': tone },
            element('time', { datetime: new Date(time).toISOString(), text: clock(time) }),
            element('span', { class: 'dot', 'aria-hidden': 'true' }),
            element('span', { class: 'message', text: unbroken(message) }),
          )
        : element('li', { class: 'day', text: date }),
  });
}

/** The events, and before the newest of each day its date. */
function linesOf(events) {
  return events.flatMap((event, i) => {
    const date = day(event.time);
    const isFirst = i === 0 || day(events[i - 1].time) !== date;
    return isFirst ? [{ date }, event] : [event];
  });
}

/** No line ends between a number and its unit. */
function unbroken(message) {
  return message.replace(/(\d) (?=(s|ms|B|[KMGTP]iB)\b)/g, '$1\u00a0');
}
