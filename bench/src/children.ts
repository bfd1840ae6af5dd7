import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const FOREBAY = fileURLToPath(
  new URL('bin/forebay.js', import.meta.resolve('forebay/package.json')),
);
const FLOOR = fileURLToPath(import.meta.resolve('./floor-process.js'));

const READERS = fileURLToPath(import.meta.resolve('./readers-process.js'));

const CROWD = fileURLToPath(import.meta.resolve('./crowd-process.js'));

const STORM = fileURLToPath(import.meta.resolve('./storm-process.js'));

const LOG_WRITER = fileURLToPath(import.meta.resolve('./log-writer.js'));

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `forebay` with these arguments. */
export function startForebay(args: readonly string[]): ChildProcess {
  return start(process.execPath, [FOREBAY, ...args]);
}

/** Has a process tell the most memory that it had, in megabytes, as the last line on standard error. */
const TELL_MEMORY =
  'data:text/javascript,process.on("exit",()=>console.error(process.resourceUsage().maxRSS*1.024e-3))';

/** Runs `forebay` to its end, what it prints going nowhere; the most megabytes that were resident. */
export async function memoryOfForebay(args: readonly string[]): Promise<number> {
  const child = start(process.execPath, ['--import', TELL_MEMORY, FOREBAY, ...args]);
  return Number((await untilEnded(child)).trimEnd().split('\n').at(-1));
}

/** Starts the floor: the least that Node can do to follow a primary into a file. */
export function startFloor(port: number, path: string): ChildProcess {
  return start(process.execPath, [FLOOR, String(port), path]);
}

/** Starts a process that fills a log with so many bytes, and holds it open. */
export function startLogWriter(directory: string, bytes: number): ChildProcess {
  return start(process.execPath, [LOG_WRITER, directory, String(bytes)]);
}

/** Starts replicas that take what comes and keep nothing; see `readers-process.ts`. */
export function startReaders(port: number, count: number, stalled: number): ChildProcess {
  return start(process.execPath, [READERS, String(port), String(count), String(stalled)], 'pipe');
}

/** Starts clients that ask nothing; see `crowd-process.ts`. */
export function startCrowd(port: number, idle: number, dribbling: number): ChildProcess {
  return start(process.execPath, [CROWD, String(port), String(idle), String(dribbling)]);
}

/** Starts scrapers of metrics; see `storm-process.ts`. */
export function startStorm(port: number): ChildProcess {
  return start(process.execPath, [STORM, String(port)]);
}

/** Starts a program; what it prints goes to `output`, and it ends when we do. */
export function start(
  command: string,
  args: readonly string[],
  input: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  // A daemon serves where it is told to, and not where it does by default.
  const env = { FOREBAY_PORT: '0', FOREBAY_HTTP: 'off', ...process.env };
  const child = spawn(command, args, { stdio: [input, 'ignore', 'pipe'], env });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Waits until a process has ended by itself; returns what it printed, or throws it where it failed. */
export async function untilEnded(child: ChildProcess): Promise<string> {
  let printed = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`a process ended with ${code}: ${printed}`);
  return printed;
}

/** Waits for a line on standard error; throws what was printed where it ends before. */
export async function untilPrinted(child: ChildProcess, pattern: RegExp): Promise<void> {
  let printed = '';
  for await (const text of child.stderr!.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    printed += text;
    if (pattern.test(printed)) {
      child.stderr?.resume();
      return;
    }
  }
  throw new Error(`a process ended early: ${printed}`);
}

export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
