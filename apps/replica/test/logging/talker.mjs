// Says lines on standard error, as the daemon would, at each number that comes; tells when it has.
import { createInterface } from 'node:readline';
import { ProcessReporter } from '../../dist/logging/process-reporter.js';

const reporter = new ProcessReporter(process.stderr);
await reporter.becomeLog({ level: 'notice', format: 'json' });
for await (const line of createInterface({ input: process.stdin })) {
  for (let i = 0; i < Number(line); i++) reporter.step('x'.repeat(1000));
  process.stdout.write(`said ${line}\n`);
}
reporter.end();
