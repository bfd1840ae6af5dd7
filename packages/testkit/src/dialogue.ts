import { bytesOf, textOf } from './bytes.ts';

/**
 * One line of a dialogue file. `<` is what the peer sends, `>` what we send, `=` what we conclude
 * and `!` what the caller does in between; `#` begins a comment. Bytes are written as text with
 * `\r`, `\n`, `\\` and `\xHH`; `{N*c}` stands for N times the character c.
 */
export interface Step {
  readonly kind: 'receive' | 'send' | 'conclude' | 'act';
  readonly text: string;
  readonly line: number;
}

/** A named part of a dialogue file: it begins at a line `== name`. */
export interface Dialogue {
  readonly name: string;
  readonly steps: readonly Step[];
}

const KINDS = { '<': 'receive', '>': 'send', '=': 'conclude', '!': 'act' } as const;

/** Reads a dialogue file. Throws on a line that is none of the kinds above. */
export function parseDialogues(source: string): Dialogue[] {
  const dialogues: { name: string; steps: Step[] }[] = [];
  for (const [index, raw] of source.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('== ')) {
      dialogues.push({ name: line.slice(3), steps: [] });
      continue;
    }
    const kind = KINDS[line[0] as keyof typeof KINDS];
    const current = dialogues.at(-1);
    if (kind === undefined || current === undefined) {
      throw new SyntaxError(`line ${index + 1} of the dialogue is not understood: ${line}`);
    }
    current.steps.push({ kind, text: line.slice(1).trim(), line: index + 1 });
  }
  return dialogues;
}

/** The bytes that the text of a `<` or `>` line stands for. */
export function bytesOfStep(text: string): Uint8Array {
  const repeated = text.replace(/\{(\d+)\*(.)\}/g, (_, count: string, character: string) =>
    character.repeat(Number(count)),
  );
  const unescaped = repeated.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) => {
    if (code.startsWith('x')) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    const known: Record<string, string> = { r: '\r', n: '\n', '\\': '\\', t: '\t', s: ' ' };
    const meant = known[code];
    if (meant === undefined) throw new SyntaxError(`unknown escape \\${code} in ${text}`);
    return meant;
  });
  return bytesOf(unescaped);
}

/** The inverse of `bytesOfStep`, for messages and golden lines. */
export function stepOfBytes(bytes: Uint8Array): string {
  return textOf(bytes)
    .replaceAll('\\', '\\\\')
    .replaceAll('\r', '\\r')
    .replaceAll('\n', '\\n')
    .replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
