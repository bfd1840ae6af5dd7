import { byId, element, reconcile } from './elements.js';
import { clock } from './format.js';

/** Lines that are shown, newest first. */
const SHOWN = 50;

/** What was said of late. */
export function showEvents(events) {
  reconcile(byId('events'), events.slice(-SHOWN).reverse(), {
    key: ({ number, time }) => `${number} ${time}`,
    create: ({ time, tone, message }) =>
      element(
        'li',
        { 'data-tone': tone },
        element('time', { datetime: new Date(time).toISOString(), text: clock(time) }),
        element('span', { class: 'dot', 'aria-hidden': 'true' }),
        element('span', { class: 'message', text: unbroken(message) }),
      ),
  });
}

/** No line ends between a number and its unit. */
function unbroken(message) {
  return message.replace(/(\d) (?=(s|ms|B|[KMGTP]iB)\b)/g, '$1\u00a0');
}
