import type { RdbElement } from '../format/events.ts';

/** The strings of an element in the order of the RDB, as `long` and `long-end` count them. */
export function stringsOf(element: RdbElement): readonly Uint8Array[] {
  switch (element.type) {
    case 'value':
    case 'item':
    case 'slot-value':
      return [element.value];
    case 'member':
    case 'scored':
      return [element.member];
    case 'field':
      return [element.field, element.value];
    case 'module-value':
      return element.value instanceof Uint8Array ? [element.value] : [];
    case 'group':
    case 'consumer':
      return [element.name];
    case 'producer':
      return [element.id];
    case 'produced':
      return [element.message];
    default:
      return [];
  }
}
