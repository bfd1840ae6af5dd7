// node scripts/deploy.mjs DIR: forebay with all that it needs to run, and nothing else, in a new directory.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pnpm, setUp } from './setup.mjs';

const [directory] = process.argv.slice(2);
if (directory === undefined || existsSync(directory)) {
  console.error('give the name of a directory that is not there yet');
  process.exit(64);
}
setUp();
// The packages of the workspace are copied, as their `files` say, and not linked to.
const deployed = pnpm(
  ...['--filter', 'forebay', '--prod', '--legacy', '--config.node-linker=hoisted'],
  ...['deploy', resolve(directory)],
);
process.exitCode = deployed ? 0 : 1;
