import { RespServerError } from '../errors.ts';
import type { Command, Commands } from './command.ts';

/** The commands of a server by their names; each name is registered once. */
export class CommandTable implements Iterable<readonly [name: string, command: Command]> {
  readonly #commands = new Map<string, Command>();

  /** @throws {RespServerError} `DUPLICATE_COMMAND` */
  register(commands: Commands): void {
    for (const [name, command] of commands) {
      if (this.#commands.has(name)) {
        throw new RespServerError('DUPLICATE_COMMAND', `the command ${name} is registered twice`);
      }
      this.#commands.set(name, command);
    }
  }

  get size(): number {
    return this.#commands.size;
  }

  get(name: string): Command | undefined {
    return this.#commands.get(name);
  }

  [Symbol.iterator](): MapIterator<[string, Command]> {
    return this.#commands.entries();
  }
}
