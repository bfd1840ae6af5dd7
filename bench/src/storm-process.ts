// Scrapes metrics without a pause to speak of: `storm-process PORT`. Sixteen connections ask for /metrics,
// each sixty times a second, or as often as it is answered. "there" is printed when all have been answered.
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const port = Number(process.argv[2]);
const SCRAPERS = 16;
/** Milliseconds between two scrapes of one. */
const PAUSE = 1000 / 60;

await Promise.all(Array.from({ length: SCRAPERS }, scraper));
process.stderr.write('there\n');

/** Goes on for ever, once it has been answered. */
async function scraper(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await scrape(agent);
  void (async () => {
    for (;;) {
      await sleep(PAUSE);
      await scrape(agent);
    }
  })();
}

function scrape(agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics', agent }, (response) => {
      response.resume().once('end', resolve);
      if (response.statusCode !== 200) reject(new Error(`one was answered ${response.statusCode}`));
    }).on('error', reject);
  });
}
