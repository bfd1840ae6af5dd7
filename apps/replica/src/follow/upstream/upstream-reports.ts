import type { Clock } from '@forebay/clock';
import type { ReplicationReport, ReportedServer } from '@forebay/psync';
import { Lag } from '../../status/lag.ts';
import type { Probe } from './candidates.ts';
import type { UpstreamSelector } from './upstream-selector.ts';

/** What the upstream has reported about itself. */
export class UpstreamReports {
  readonly lag: Lag;
  readonly #selector: UpstreamSelector;
  readonly #probe: Probe;
  #server: ReportedServer | undefined;
  #offset = 0;

  constructor(clock: Clock, selector: UpstreamSelector, probe: Probe) {
    this.lag = new Lag(clock);
    this.#selector = selector;
    this.#probe = probe;
  }

  /** Which server the upstream is; undefined until it has reported. */
  get server(): ReportedServer | undefined {
    return this.#server;
  }

  /** Offset of its last byte, at its last report; 0: unknown. */
  get offset(): number {
    return this.#offset;
  }

  /** The upstream has reported at the start of a link; undefined: it refused INFO. */
  saw(report: ReplicationReport | undefined): void {
    this.#offset = report?.offset ?? 0;
    this.#server = report?.server ?? this.#server;
    if (report?.offset !== undefined) this.lag.saw(report.offset, report.id);
  }

  /** Asks the upstream for its offset. It never rejects. */
  async askOffset(): Promise<void> {
    const report = await this.#ask().catch(() => undefined);
    this.#offset = report?.offset ?? 0;
  }

  /** Asks the upstream for its offset, to measure the lag; false: the upstream refuses INFO. It never rejects. */
  async measureLag(): Promise<boolean> {
    const { upstream } = this.#selector;
    try {
      const report = await this.#ask();
      if (report?.offset === undefined) return false;
      if (this.#selector.upstream === upstream) this.lag.saw(report.offset, report.id);
    } catch {
      // The link itself reports an upstream that cannot be reached.
    }
    return true;
  }

  async #ask(): Promise<ReplicationReport | undefined> {
    const { upstream } = this.#selector;
    const report = await this.#probe(upstream);
    if (this.#selector.upstream === upstream) this.#server = report?.server ?? this.#server;
    return report;
  }
}
