// Preloaded into the daemon: its wall clock is off by what a file says, in milliseconds, from the
// moment it is written there.
import { readFileSync } from 'node:fs';

const path = process.env.FOREBAY_CLOCK_OFFSET_FILE;
/** Milliseconds between two looks at the file. */
const LOOK = 20;
const real = Date.now;
let looked = Number.NEGATIVE_INFINITY;
let offset = 0;

Date.now = () => {
  const now = performance.now();
  if (now - looked >= LOOK) {
    offset = Number(readFileSync(path, 'utf8')) || 0;
    looked = now;
  }
  return real() + offset;
};
