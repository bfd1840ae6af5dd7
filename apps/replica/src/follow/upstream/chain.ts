import { randomBytes } from 'node:crypto';
import type { ReplicationReport, ReportedUpstream } from '@forebay/psync';
import type { Endpoint } from '@forebay/replica';
import { describeEndpoint, ReplicaError } from '@forebay/replica';
import type { Candidate } from '../../config/candidate.ts';
import type { Probe } from './candidates.ts';

/** Servers that are asked on the way up; longer chains are not looked at. */
const MOST_HOPS = 8;

/** The result of following the chain from an upstream server to its primary. */
type Trace =
  | { readonly loop: string }
  /** Run ids of the forebays on that way. */
  | { readonly loop: undefined; readonly runIds: readonly string[] };

const LOOPBACK = /^(127\.|::1$|localhost$)/i;
const ADVICE = 'follow the primary instead';

/**
 * The forebays between this process and the primary. A server that replicates from this process may be linked and has
 * nothing to send. Such a loop is found by the run id of this process: every forebay reports its own run id and those
 * of the forebays upstream of it, and addresses, proxies and port forwards do not change it. Other servers do not
 * report run ids of their upstreams: they are asked for the address of their primary.
 */
export class Chain {
  readonly runId: string;
  #above: readonly string[] = [];

  /** `runId`: 40 hexadecimal digits. */
  constructor(runId: string = randomBytes(20).toString('hex')) {
    this.runId = runId;
  }

  /** Of this process and the forebays upstream of it, at the last query of the upstream. */
  get runIds(): readonly string[] {
    return [this.runId, ...this.#above];
  }

  /**
   * Takes note of whom a server that is followed follows; why it cannot be followed, where its stream comes from
   * here. It never rejects.
   */
  async update(
    upstream: Candidate,
    report: ReplicationReport,
    probe: Probe,
  ): Promise<string | undefined> {
    const trace = await this.#trace(upstream, report, probe);
    this.#above = trace.loop === undefined ? trace.runIds : [];
    return trace.loop;
  }

  /** The upstream changed or was removed: the run ids upstream are unknown. */
  forget(): void {
    this.#above = [];
  }

  /** The reason if a server replicates from this process and cannot be followed. It never rejects. */
  async loopAt(candidate: Candidate, probe: Probe): Promise<string | undefined> {
    const report = await ask(candidate, probe);
    return report && (await this.#trace(candidate, report, probe)).loop;
  }

  async #trace(candidate: Candidate, report: ReplicationReport, probe: Probe): Promise<Trace> {
    const path: string[] = [];
    let [at, told] = [candidate, report];
    while (path.length < MOST_HOPS) {
      if (told.runIds.includes(this.runId)) return { loop: this.#loopOver(path, told) };
      if (told.runIds.length > 0) return { loop: undefined, runIds: told.runIds };
      const name = describeEndpoint(at.endpoint);
      if (path.includes(name))
        return { loop: `${path.join(', ')} replicate in a circle; ${ADVICE}` };
      path.push(name);
      if (told.upstream === undefined) break;
      at = { ...at, endpoint: upstreamEndpoint(at.endpoint, told.upstream) };
      const next = await ask(at, probe);
      if (next === undefined || (told.upstream.up && this.#isWithoutReplica(next))) break;
      told = next;
    }
    return { loop: undefined, runIds: [] };
  }

  /**
   * Whether a report is of this process while no replica is linked to it. A server whose link stands then
   * means another server by the same address, as in a container or behind a port forward.
   */
  #isWithoutReplica({ runIds, replicas }: ReplicationReport): boolean {
    return runIds[0] === this.runId && replicas.length === 0;
  }

  #loopOver(path: readonly string[], { runIds }: ReplicationReport): string {
    if (path.length === 0 && runIds[0] === this.runId) {
      return `the server is this forebay itself; ${ADVICE}`;
    }
    const way = path.length > 1 ? ` through ${path.slice(1).join(', ')}` : '';
    return `the server replicates from this forebay${way}; ${ADVICE}`;
  }
}

/** Where the upstream of a server is reached. A loopback address means the machine of that server. */
function upstreamEndpoint(endpoint: Endpoint, { host, port }: ReportedUpstream): Endpoint {
  const kind = endpoint.kind === 'tls' ? 'tls' : 'tcp';
  if (endpoint.kind === 'unix' || !LOOPBACK.test(host)) return { kind, host, port };
  return { kind, host: endpoint.host, port };
}

/** A forebay may want no password where the servers beside it do, and refuses one then. */
async function ask(candidate: Candidate, probe: Probe): Promise<ReplicationReport | undefined> {
  try {
    return await probe(candidate);
  } catch (error) {
    if (!(error instanceof ReplicaError) || error.code !== 'DENIED') return undefined;
    const { endpoint } = candidate;
    const stranger = { endpoint, username: undefined, password: undefined };
    return probe(stranger).catch(() => undefined);
  }
}
