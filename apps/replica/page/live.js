/** Milliseconds without a word after which the connection is taken for lost: there is one each second. */
const SILENCE = 4000;
/** Milliseconds after which it is tried anew. */
const AGAIN = 1500;

/** Listens to the daemon for as long as the page is open, and connects anew whenever that is needed. */
export function listen({ onHistory, onStatus, onLost, onBack }) {
  let source;
  let timer;
  let isLost = false;

  const lose = () => {
    source?.close();
    if (!isLost) onLost(Date.now());
    isLost = true;
    clearTimeout(timer);
    timer = setTimeout(connect, AGAIN);
  };
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(lose, SILENCE);
    if (isLost) onBack();
    isLost = false;
  };
  function connect() {
    source?.close();
    source = new EventSource('/events');
    clearTimeout(timer);
    timer = setTimeout(lose, SILENCE);
    source.addEventListener('history', ({ data }) => onHistory(JSON.parse(data)));
    source.addEventListener('status', ({ data }) => {
      heard();
      onStatus(JSON.parse(data));
    });
    source.addEventListener('error', lose);
  }

  connect();
  // A page that was put aside was not told meanwhile.
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) connect();
  });
}
