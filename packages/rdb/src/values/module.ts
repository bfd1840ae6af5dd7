import type { ModuleId, RdbElement } from '../format/events.ts';
import type { Choice, Layout, Part, Primitive } from './layout.ts';
import { unit } from './layout.ts';

type Kind = Extract<RdbElement, { type: 'module-value' }>['kind'];

/** The 64 characters that names of module types are made of (`module.c: ModuleTypeNameCharSet`). */
export const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Nine characters of six bits, and ten bits of version (`module.c: moduleTypeNameByID`). */
export function moduleIdOf(id: bigint): ModuleId {
  let name = '';
  for (let i = 0; i < 9; i++) name += CHARACTERS[Number((id >> BigInt(58 - 6 * i)) & 63n)];
  return { name, version: Number(id & 1023n) };
}

/** What a module has written, each with what it is before it, until a 0 (`module.c`, RDB_MODULE_OPCODE). */
export const moduleValues: Choice = {
  kind: 'choice',
  again: true,
  cases: new Map<number, readonly Part[]>([
    [0, []],
    [1, [unit('U', ([value]) => written('signed', BigInt.asIntN(64, value as bigint)))]],
    [2, [unit('U', ([value]) => written('unsigned', value!))]],
    [3, [unit('F', ([value]) => written('float', value!))]],
    [4, [unit('D', ([value]) => written('double', value!))]],
    [5, [unit('S', ([value]) => written('string', value!))]],
  ]),
};

/** A value of a module's own type, in the form that can be read without the module. */
export const moduleLayout: Layout = [
  unit('U', ([id]) => ({ type: 'module-id', module: moduleIdOf(id as bigint) })),
  moduleValues,
];

function written(kind: Kind, value: Primitive): RdbElement {
  return { type: 'module-value', kind, value };
}
