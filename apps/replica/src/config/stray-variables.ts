import { closestMatch } from 'leven';
import { settingNames, settingOf, variableOf } from './settings.ts';

/** Letters that may be wrong in a name: of others that begin as ours do there may be many. */
const MOST_WRONG = 2;

const KNOWN: readonly string[] = [
  'FOREBAY_CONFIG',
  ...settingNames.map(variableOf),
  ...settingNames
    .filter((name) => settingOf(name).secret)
    .map((name) => `${variableOf(name)}_FILE`),
];

/**
 * A line for each variable that is nearly one of ours. It is no error: an orchestrator may set what begins
 * as ours do.
 */
export function strayVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith('FOREBAY_') || KNOWN.includes(name)) return [];
    const meant = closestMatch(name, [...KNOWN], { maxDistance: MOST_WRONG });
    return meant === undefined
      ? []
      : [`${name} is no setting, and is not read: is ${meant} meant?`];
  });
}
