import type { DiskOperation, Random } from '@forebay/testkit';
import type { SettingTexts } from './daemon.ts';

/** Which of the consumers with a cursor. */
export type ReaderName = 'r0' | 'r1' | 'r2';

/** Which of the servers that replicate from the daemon. */
export type ReplicaName = 's0' | 's1' | 's2';
export type ReplicaAct =
  | 'connect'
  | 'disconnect'
  | 'cut'
  | 'stall'
  | 'unstall'
  /** It loses all that it holds. */
  | 'forget'
  /** It returns to what it held under an earlier id, and asks from there. */
  | 'ask-old';
/** How it asks: as servers do; without `eof` and `psync2`; by SYNC; for a snapshot without a stream. */
export type ReplicaWay = 'psync' | 'psync-plain' | 'sync' | 'rdb-only';

/** One event of a history. Plain data: the seed and the steps repeat a history. */
export type Step =
  /** Clients write `count` values of up to `size` bytes to the primary. */
  | { readonly do: 'write'; readonly count: number; readonly size: number }
  | { readonly do: 'pass'; readonly ms: number }
  /** All links to servers are cut. */
  | { readonly do: 'cut' }
  /** The primary dies, and the first or second of the others is promoted. `old`: whether the old primary returns as its replica. */
  | { readonly do: 'fail-over'; readonly to: 0 | 1; readonly old: boolean }
  /** The primary restarts with another id. */
  | { readonly do: 'restart-primary' }
  /** The daemon is killed: now, or before its `after`th disk operation from now. */
  | { readonly do: 'crash'; readonly kind: 'process' | 'power'; readonly after: number }
  /** The daemon is stopped and started. */
  | { readonly do: 'restart' }
  /** The next disk operation of this kind fails. */
  | { readonly do: 'fail'; readonly operation: DiskOperation; readonly code: string }
  /** From now on `free` bytes are free on the disk; undefined: no limit. */
  | { readonly do: 'fill'; readonly free?: number }
  /** The wall clock jumps. */
  | { readonly do: 'jump'; readonly ms: number }
  /** SIGHUP, with these settings in place of those at the start. */
  | { readonly do: 'configure'; readonly set: SettingTexts }
  | {
      readonly do: 'reader';
      readonly name: ReaderName;
      readonly act: 'read' | 'pause' | 'stop' | 'remove';
      /** Milliseconds for each item. */
      readonly pace: number;
    }
  | {
      readonly do: 'replica';
      readonly name: ReplicaName;
      readonly act: ReplicaAct;
      readonly way: ReplicaWay;
    }
  /** A client of the daemon's port sends a command. */
  | { readonly do: 'command'; readonly words: readonly string[] }
  /** The step happens before the `after`th disk operation from now, during another operation. */
  | { readonly do: 'during'; readonly after: number; readonly step: Step }
  /** A restore while the daemon runs: of the end, or of the moment `back` marks ago. */
  | {
      readonly do: 'restore';
      readonly to: 'end' | 'position' | 'time';
      readonly back: number;
      readonly single: boolean;
    };

const OFTEN = 70;

/** Draws `count` steps, independently of the state of the history. */
export function drawSteps(random: Random, count: number): Step[] {
  const replicas: Step[] = (['s0', 's1'] as const).map((name) => {
    const way = random.pick(['psync', 'psync', 'psync-plain', 'sync'] as const);
    return { do: 'replica', name, act: 'connect', way };
  });
  // Most steps are writes and passing time; each history has a few other kinds of steps.
  const rare = Array.from({ length: random.integer(2, 6) }, () => random.pick(RARE));
  const kinds = [...rare, random.pick([failOverStep, failOverStep, crashStep])];
  const steps = Array.from({ length: count - replicas.length }, (): Step => {
    const draw = random.integer(0, 99);
    if (draw < OFTEN / 2) return writeStep(random);
    if (draw < OFTEN) return { do: 'pass', ms: random.pick([10, 100, 500, 2000]) };
    return random.pick(kinds)(random);
  });
  // Half of the histories have replicas that connect at some step.
  if (random.integer(0, 1) === 0) return [...steps, writeStep(random), writeStep(random)];
  const at = random.integer(0, 9);
  return [...steps.slice(0, at), ...replicas, ...steps.slice(at)];
}

function writeStep(random: Random): Step {
  return { do: 'write', count: random.integer(1, 12), size: random.pick([60, 60, 60, 2000]) };
}

const OPERATIONS: readonly DiskOperation[] = [
  'write',
  'write',
  'sync',
  'sync',
  'rename',
  'open',
  'syncDirectory',
  'remove',
  'truncate',
  'link',
  'read',
];
const CODES = ['ENOSPC', 'ENOSPC', 'EIO'];
const SETTINGS: { readonly [name in keyof SettingTexts]: readonly string[] } = {
  replicaof: ['a:6379', 'b:6379', 'c:6379', 'b:6379 c:6379', 'c:6379 b:6379 a:6379', 'nobody:1'],
  appendfsync: ['always', 'no'],
  'auto-aof-rewrite-percentage': ['0', '100', '1000'],
  'auto-aof-rewrite-min-size': ['0', '2kb', '64mb'],
  'base-interval': ['1s', '1h'],
  retain: ['1s', '5s', '1h', '500b', '3kb'],
  'max-disk': ['1kb', '3kb', '10kb', '50kb', '1%', '12mb'],
  'repl-timeout': ['2', '30'],
  'accept-unverified-rdb': ['yes'],
  loglevel: ['no level'],
};

const RARE: readonly ((random: Random) => Step)[] = [
  () => ({ do: 'cut' }),
  () => ({ do: 'cut' }),
  failOverStep,
  failOverStep,
  () => ({ do: 'restart-primary' }),
  crashStep,
  crashStep,
  () => ({ do: 'restart' }),
  failStep,
  (random) => ({ do: 'fill', free: random.pick([0, 10, 100, 1000, 10_000]) }),
  (random) => (random.integer(0, 1) === 1 ? { do: 'fill' } : { do: 'fill', free: 500 }),
  (random) => ({
    do: 'jump',
    ms: random.pick([-1, 1]) * random.pick([1, 700, 5000, 60_000, 7_200_000]),
  }),
  configureStep,
  configureStep,
  configureStep,
  readerStep,
  readerStep,
  readerStep,
  restoreStep,
  restoreStep,
  replicaStep,
  replicaStep,
  replicaStep,
  replicaStep,
  commandStep,
  commandStep,
  duringStep,
  duringStep,
];

function failOverStep(random: Random): Step {
  return { do: 'fail-over', to: random.pick([0, 1]), old: random.integer(0, 1) === 1 };
}

function crashStep(random: Random): Step {
  const after = random.pick([0, 0, random.integer(1, 12)]);
  return { do: 'crash', kind: random.pick(['process', 'power']), after };
}

function failStep(random: Random): Step {
  const operation = random.pick(OPERATIONS);
  return { do: 'fail', operation, code: random.pick(CODES) };
}

function configureStep(random: Random): Step {
  const names = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
  const chosen = Array.from({ length: random.integer(0, 3) }, () => random.pick(names));
  const set = Object.fromEntries(chosen.map((name) => [name, random.pick(SETTINGS[name]!)]));
  return { do: 'configure', set };
}

function readerStep(random: Random): Step {
  return {
    do: 'reader',
    name: random.pick(['r0', 'r1', 'r2']),
    act: random.pick(['read', 'read', 'read', 'pause', 'stop', 'remove']),
    pace: random.pick([0, 0, 20, 1000]),
  };
}

const REPLICA_ACTS: readonly ReplicaAct[] = [
  'connect',
  'connect',
  'connect',
  'cut',
  'disconnect',
  'stall',
  'unstall',
  'forget',
  'ask-old',
  'ask-old',
];

function replicaStep(random: Random): Step {
  return {
    do: 'replica',
    name: random.pick(['s0', 's1', 's2']),
    act: random.pick(REPLICA_ACTS),
    way: random.pick(['psync', 'psync', 'psync', 'psync-plain', 'sync', 'rdb-only']),
  };
}

function commandStep(random: Random): Step {
  return {
    do: 'command',
    words: random.pick([
      ['REPLICAOF', 'a', '6379'],
      ['REPLICAOF', 'b', '6379'],
      ['REPLICAOF', 'c', '6379'],
      ['REPLICAOF', 'nobody', '6379'],
      ['REPLICAOF', 'NO', 'ONE'],
      ['CLIENT', 'KILL', 'TYPE', 'MASTER'],
      ['CLIENT', 'KILL', 'TYPE', 'REPLICA'],
      ['BGSAVE'],
      // The other sections have figures of the machine, such as its memory.
      ['INFO', 'replication'],
      ['CONFIG', 'SET', 'retain', '2s'],
      ['CONFIG', 'SET', 'auto-aof-rewrite-min-size', '1b'],
    ]),
  };
}

function duringStep(random: Random): Step {
  const draw = random.pick([failOverStep, failOverStep, configureStep, commandStep]);
  return { do: 'during', after: random.integer(1, 20), step: draw(random) };
}

function restoreStep(random: Random): Step {
  return {
    do: 'restore',
    to: random.pick(['end', 'position', 'position', 'time']),
    back: random.integer(0, 8),
    single: random.integer(0, 3) === 0,
  };
}

/** Simpler steps that may replace a step. */
export function simplerSteps(step: Step): Step[] {
  switch (step.do) {
    case 'write': {
      const fewer = [1, Math.floor(step.count / 2)].filter((n) => n >= 1 && n < step.count);
      const smaller = step.size > 60 ? [{ ...step, size: 60 }] : [];
      return [...smaller, ...fewer.map((count) => ({ ...step, count }))];
    }
    case 'pass':
      return [10, 100, 500].filter((ms) => ms < step.ms).map((ms) => ({ ...step, ms }));
    case 'fail-over':
      return step.old ? [{ ...step, old: false }] : [];
    case 'crash':
      return [
        ...(step.after > 0 ? [{ ...step, after: 0 }] : []),
        ...(step.kind === 'power' ? [{ ...step, kind: 'process' } as const] : []),
      ];
    case 'configure':
      return Object.keys(step.set).map((name) => {
        const rest = Object.entries(step.set).filter(([other]) => other !== name);
        return { do: 'configure', set: Object.fromEntries(rest) };
      });
    case 'during':
      return [step.step];
    case 'replica':
      return step.way === 'psync' ? [] : [{ ...step, way: 'psync' }];
    case 'reader':
      return step.pace > 0 ? [{ ...step, pace: 0 }] : [];
    case 'restore':
      return [
        ...(step.single ? [{ ...step, single: false }] : []),
        ...(step.back > 0 ? [{ ...step, back: 0 }] : []),
      ];
    default:
      return [];
  }
}
