import type { TomlValue } from './rewrite.ts';

/** A setting's value as a file has it; `text`: as it would be typed. */
export function tomlOf(value: unknown, text = ''): TomlValue {
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'number' && text === String(value) ? value : text;
}
