import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';

/** Each with the folder that goes with it. */
const running = new Map<ChildProcess, string>();
let hooked = false;

/**
 * Starts a program that does not outlive this process: it is killed at our exit and, where `setpriv`
 * is there (Linux), by the kernel too when we are killed ourselves. At our exit `home` is removed too.
 */
export function spawnTied(command: readonly string[], cwd: string, home: string): ChildProcess {
  const tied = [...tie(), ...command];
  const child = spawn(tied[0]!, tied.slice(1), { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  running.set(child, home);
  child.once('exit', () => running.delete(child));
  if (!hooked) {
    hooked = true;
    process.once('exit', () => {
      for (const [one, folder] of running) {
        one.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
  return child;
}

/** `setpriv` replaces itself by the program, so the process id stays the one we were given. */
function tie(): string[] {
  return existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];
}
