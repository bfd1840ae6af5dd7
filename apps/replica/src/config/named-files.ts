import { readFileSync } from 'node:fs';
import { EXIT, ExitError } from '../exit.ts';
import { learnSecret } from '../logging/secrets.ts';
import type { SettingName } from './settings.ts';

/** The files that settings name, each read once: a reload compares with the content that was used. */
export class NamedFiles {
  readonly #files = new Map<SettingName, { readonly path: string; readonly text: string }>();

  /** The text of the file at `path`, which `name` names. @throws {ExitError} configuration */
  read(name: SettingName, path: string): string {
    const text = this.#files.get(name)?.text ?? readText(`--${name}`, path);
    this.#files.set(name, { path, text });
    return text;
  }

  /** Settings that name the same file here and in `before`, which has another text now. */
  changedSince(before: NamedFiles): SettingName[] {
    return [...this.#files].flatMap(([name, { path, text }]) => {
      const earlier = before.#files.get(name);
      return earlier?.path !== path || earlier.text === text ? [] : [name];
    });
  }
}

/** The text of a file. `what` names it in the error. @throws {ExitError} configuration */
export function readText(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ExitError(EXIT.configuration, `${what}: ${path} cannot be read: ${code}`, error);
  }
}

/**
 * The secret in a file, less the newline at its end. `what` names it in the error.
 *
 * @throws {ExitError} configuration
 */
export function readSecret(what: string, path: string): string {
  const secret = readText(what, path).replace(/\r?\n$/, '');
  learnSecret(secret);
  return secret;
}
