import type { SettingsSubscriber } from '../config/configuration.ts';
import { checkPem } from '../config/pem.ts';
import type { HttpConfig, ReplicaConfig } from '../config.ts';
import { EXIT, ExitError } from '../exit.ts';
import type { World } from '../follow/world.ts';
import type { Reporter } from '../reporter.ts';
import type { Observed } from '../status/observer.ts';
import { Observer } from '../status/observer.ts';
import type { Status } from '../status/status.ts';
import { isLoopback } from './guard.ts';
import { Live } from './live.ts';
import { routesOf, tickOf } from './routes.ts';
import type { Route } from './server.ts';
import { HttpServer } from './server.ts';

/** What is served, for who began it. */
export interface ServedHttp extends SettingsSubscriber {
  readonly observed: Observed;
  close(): Promise<void>;
}

/**
 * Serves metrics and the page, and measures what they show. Undefined if HTTP is off, or if the default address is
 * in use: the daemon then runs without HTTP. `measureLag` asks the upstream for its offset; false: it refuses INFO.
 *
 * @throws {ExitError} configuration, if a configured address cannot be listened on
 */
export async function serveHttp(
  { http, directory }: Pick<ReplicaConfig, 'http' | 'directory'>,
  { disk, clock }: World,
  reporter: Reporter,
  status: () => Status,
  measureLag: () => Promise<boolean>,
): Promise<ServedHttp | undefined> {
  if (http === undefined) return undefined;
  const live = new Live();
  const routes = new Map<string, Route>();
  // Nothing is begun where the address is taken; what is served is there before anybody can ask.
  const server = await listen(http, routes, reporter);
  if (server === undefined) return undefined;
  const observer = new Observer({
    disk,
    clock,
    directory,
    status,
    measureLag,
    isWatched: () => live.size > 0,
    onTick: (taken) => {
      if (live.size > 0) live.tell(tickOf(taken));
    },
  });
  const served = routesOf(status, observer.history, live, http.maxLag);
  for (const [path, route] of served) routes.set(path, route);
  reporter.step(`metrics and a page are served at ${server.url}`, {
    event: 'http',
    address: server.url,
  });
  if (isUnguarded(http)) warnUnguarded(server.url, reporter);
  let current = http;
  return {
    observed: observer,
    check({ http: next }) {
      if (next?.secure !== undefined) checkPem(next.secure);
    },
    adopt({ config: { http: next } }) {
      if (next === undefined) return;
      server.adopt(next);
      if (isUnguarded(next) && !isUnguarded(current)) warnUnguarded(server.url, reporter);
      current = next;
    },
    close: async () => {
      live.close();
      await Promise.all([observer.stop(), server.close()]);
    },
  };
}

/** Whether it is served to other machines, under any name and without a password. */
function isUnguarded({ host, password, allowedHosts }: HttpConfig): boolean {
  return !isLoopback(host) && password === undefined && allowedHosts === undefined;
}

function warnUnguarded(url: string, reporter: Reporter): void {
  reporter.trouble(
    `${url} is open to other machines without a password and under any host name: ` +
      'set --http-password or --http-allowed-hosts',
    { event: 'http-open', address: url },
  );
}

async function listen(
  http: HttpConfig,
  routes: ReadonlyMap<string, Route>,
  reporter: Reporter,
): Promise<HttpServer | undefined> {
  const { host, port, asked } = http;
  try {
    return await HttpServer.listen(host, port, routes, http);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = `${host}:${port} cannot be listened on: ${code}`;
    if (asked) throw new ExitError(EXIT.configuration, `--http: ${why}`, error);
    reporter.trouble(`no metrics and no page: ${why}; --http gives another address, or says off`, {
      event: 'no-http',
      address: `${host}:${port}`,
      code,
    });
    return undefined;
  }
}
