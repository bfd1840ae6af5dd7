#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

let program;
try {
  program = await import('../dist/index.js');
} catch (error) {
  // Only a clone has sources beside this.
  const isClone = existsSync(new URL('../src', import.meta.url));
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !isClone) throw error;
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  console.error(`forebay is not built: run npm start in ${root}, which installs and builds it`);
  process.exit(1);
}
await program.main(process.argv);
