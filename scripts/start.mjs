// npm start: sets everything up, and shows a replica at work on a real server.
import { run, setUp } from './setup.mjs';

setUp();
run(process.execPath, ['scripts/servers.mjs', 'valkey-8.1', 'redis-7.0']);
process.exitCode = run(process.execPath, ['scripts/demo.mjs']) ? 0 : 1;
