import type { ListeningPort } from '@forebay/replica';
import { changeLog, logRefused } from '../config/change-log.ts';
import type { Configuration } from '../config/configuration.ts';
import type { ReplicaConfig } from '../config.ts';
import type { FollowerControl } from '../follow/follower.ts';
import { Follower } from '../follow/follower.ts';
import type { World } from '../follow/world.ts';
import { realWorld } from '../follow/world.ts';
import type { ServedHttp } from '../http/serve-http.ts';
import { serveHttp } from '../http/serve-http.ts';
import { portCommands } from '../port/commands.ts';
import { Stats } from '../port/stats.ts';
import type { Reporter } from '../reporter.ts';
import { AnnouncedPort } from '../serve/announced-port.ts';
import { Relay } from '../serve/relay.ts';
import { RecentEvents } from '../status/recent-events.ts';
import { statusSource } from './status-source.ts';

/** Controls a running daemon from outside. */
export interface DaemonControl extends FollowerControl {
  /** Calls `reload` whenever the settings are to be read again, until the returned function is called. */
  readonly onReload: (reload: () => void) => () => void;
}

/**
 * Follows a primary into a directory and serves the log, until it is stopped: all of `forebay replica`. Resolves when
 * everything received is on the disk.
 *
 * @throws {ExitError} @throws {LogError} @throws {RdbReceiverError} a failure that does not go away by itself
 */
export async function runDaemon(
  configuration: Configuration,
  told: Reporter,
  control: DaemonControl,
  world: World = realWorld,
): Promise<void> {
  const events = new RecentEvents(world.clock);
  const reporter = events.of(told);
  const undo = [configuration.subscribe(changeLog(reporter))];
  const { config } = configuration;
  const { listen, timeout } = config;
  const ending = new AbortController();
  const controlled = { ...control, stop: AbortSignal.any([control.stop, ending.signal]) };
  let relay: Relay | undefined;
  let http: ServedHttp | undefined;
  const announcedPort = announcedPortOf(config, () => relay, reporter);
  const follower = new Follower({ ...config, announcedPort }, reporter, world, controlled, {
    serve: (log) => relay?.serve(log),
    propagate: (bytes) => relay?.propagate(bytes),
  });
  const backlogSize = listen?.backlogSize ?? 0;
  const status = statusSource(world.clock, () => {
    return { follower, relay, backlogSize, events, observed: http?.observed };
  });
  const stats = new Stats(world.clock, status);
  if (listen !== undefined) {
    const shutdown = () => ending.abort();
    const commands = portCommands({ configuration, follower, stats, reporter, status, shutdown });
    relay = await Relay.listen(listen, timeout, follower, status, world, reporter, commands);
    stats.start();
  }
  const measureLag = () => follower.measureLag();
  try {
    http = await serveHttp(config, world, reporter, status, measureLag);
    for (const part of [relay, http, follower]) {
      if (part !== undefined) undo.push(configuration.subscribe(part));
    }
    undo.push(control.onReload(() => reload(configuration, reporter)));
    await follower.run();
  } finally {
    for (const each of undo) each();
    stats.stop();
    await http?.close();
    await relay?.close();
  }
}

function reload(configuration: Configuration, reporter: Reporter): void {
  try {
    configuration.reload();
  } catch (error) {
    logRefused(error as Error, reporter);
  }
}

/** An address that is announced may be reached through a port forward, whatever is listened on. */
function announcedPortOf(
  { announcedPort, announcedAddress, listen }: ReplicaConfig,
  relay: () => Relay | undefined,
  reporter: Reporter,
): ListeningPort | undefined {
  if (announcedPort !== undefined || listen === undefined) return announcedPort;
  const port = new AnnouncedPort(reporter);
  return (local) => {
    if (announcedAddress !== undefined) return relay()?.port ?? 0;
    return port.over(local, relay()?.places ?? []);
  };
}
