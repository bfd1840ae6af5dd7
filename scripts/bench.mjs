// npm run bench: what is built, beside its peers; see bench/README.md for the arguments.
import { fetchServers, run, setUp } from './setup.mjs';

setUp();
fetchServers();
process.exitCode = run(process.execPath, ['bench/dist/main.js', ...process.argv.slice(2)]) ? 0 : 1;
