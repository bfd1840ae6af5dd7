// "Where is it?" of ARCHITECTURE.md: each name is exported by the file beside it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const ROW = /^\| .+ \| `(?<name>\w+)` +\| `(?<file>[^`]+\.ts)` +\|$/;
const LEAST = 20;

const lines = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('\n');
const rows = lines.flatMap((line) => ROW.exec(line)?.groups ?? []);
const wrong = rows.filter(({ name, file }) => !isExported(name, join(root, file)));
for (const { name, file } of wrong) {
  console.error(`ARCHITECTURE.md: ${file} exports no ${name}: correct the row in "Where is it?"`);
}
if (rows.length < LEAST) {
  console.error(
    `ARCHITECTURE.md: "Where is it?" has ${rows.length} rows, at least ${LEAST} expected`,
  );
}
process.exitCode = wrong.length === 0 && rows.length >= LEAST ? 0 : 1;

function isExported(name, path) {
  if (!existsSync(path)) return false;
  return new RegExp(`^export (async )?(class|const|function) ${name}\\b`, 'm').test(
    readFileSync(path, 'utf8'),
  );
}
