import type { CurrentSetting } from './configuration.ts';
import type { TomlValue } from './rewrite.ts';

/** A setting's value as a file has it. */
export function tomlOf({ value, text = '' }: Pick<CurrentSetting, 'value' | 'text'>): TomlValue {
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'number' && text === String(value) ? value : text;
}
