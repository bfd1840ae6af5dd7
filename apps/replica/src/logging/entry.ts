import type { Fields } from './events.ts';
import { withoutSecrets } from './secrets.ts';

/** How something is meant: from what only a close look wants to `fatal`, after which the process ends. */
export type Tone = 'detail' | 'step' | 'good' | 'trouble' | 'fatal';

/** Something that is said, without secrets. */
export interface Entry {
  readonly tone: Tone;
  readonly message: string;
  readonly fields: Fields | undefined;
}

/** The one place that everything which is said goes through: here secrets are taken out. */
export function entryOf(tone: Tone, message: string, fields?: Fields): Entry {
  return { tone, message: withoutSecrets(message), fields: fields && cleanFields(fields) };
}

function cleanFields(fields: Fields): Fields {
  const clean = Object.entries(fields).map(([name, value]) => [
    name,
    // The name of the event is ours, whatever a password may be.
    typeof value === 'string' && name !== 'event' ? withoutSecrets(value) : value,
  ]);
  return Object.fromEntries(clean) as Fields;
}
