// Preloaded into the daemon: to it the machine has been started anew, as after a power cut.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { readFileSync } = fs;

fs.readFileSync = (path, ...options) => {
  if (path !== '/proc/sys/kernel/random/boot_id') return readFileSync(path, ...options);
  return '00000000-0000-4000-8000-000000000000\n';
};
syncBuiltinESMExports();
