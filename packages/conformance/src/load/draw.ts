import { HASHES, LISTS, SETS, SORTED_SETS } from './collections.ts';
import { EFFECTS } from './effects.ts';
import type { LoadContext, Operation } from './recipe.ts';
import { STREAMS } from './streams.ts';
import { HYPERLOGLOGS_AND_BITS, STRINGS } from './strings.ts';

/** Draws the next operation: the same ones for the same seed, server version and options. */
export function operationMaker(context: LoadContext): () => Operation {
  const recipes = [
    ...[...STRINGS, ...HYPERLOGLOGS_AND_BITS, ...LISTS, ...SETS, ...HASHES, ...SORTED_SETS],
    ...[...STREAMS, ...EFFECTS],
  ].filter((recipe) => recipe.needs === undefined || recipe.needs(context));
  const total = recipes.reduce((sum, recipe) => sum + recipe.weight, 0);
  return () => {
    let at = context.random.float() * total;
    for (const recipe of recipes) {
      at -= recipe.weight;
      if (at < 0) return recipe.make(context);
    }
    return recipes[0]!.make(context);
  };
}
