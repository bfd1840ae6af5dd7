// npm run docs: writes the reference docs that come from the program itself; `--check` only says whether
// they are as it would write them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commandsPage } from './docs-commands.mjs';
import { metricsPage, statusPage } from './docs-http.mjs';
import { portPage } from './docs-port.mjs';
import { root, setUp } from './setup.mjs';

const reference = join(root, 'docs', 'reference');

const HEAD = `# Configuration of \`forebay replica\`

Made by \`npm run docs\` from the table of settings; not to be edited.

Each setting is a flag, a key in the TOML file of \`--config\` (or \`FOREBAY_CONFIG\`), and a variable. A flag
goes before the environment, that before the file, that before the default; an empty variable is as good as
none. A setting that is live changes while the daemon runs, when SIGHUP has the files read anew.

A size is a number of bytes, or has a unit: \`kb\`, \`mb\`, \`gb\`, \`tb\` of 1,024, \`k\`, \`m\`, \`g\` of 1,000. A time has
the unit \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`; without one it is of seconds.
`;

const LOG_HEAD = `# What \`forebay replica\` says

Made by \`npm run docs\` from the table of events; not to be edited.

Everything is said on standard error: on a terminal as lines for people, elsewhere as one object of JSON a line
(\`log-format\`). Each object has \`time\` (ISO 8601, UTC), \`level\` (\`debug\`, \`info\`, \`warn\` or \`fatal\`), \`msg\`
(the line for people), \`event\`, and of the fields below those that are known. \`loglevel\` has the names of
servers: \`notice\` leaves out \`debug\`, \`warning\` \`info\` too.

What keeps the daemon from starting before its configuration is read whole is a line of text, as of any other
command; after that the last line of a daemon that fails has the level \`fatal\` and the exit code.

Where standard error is the journal of systemd (\`JOURNAL_STREAM\`), a line begins with its priority, \`<3>\` to \`<7>\`,
which the journal takes off: \`journalctl -p warning\` works. Nobody is waited for: of a pipe that is not read, what
is beyond a megabyte is lost, and \`lost\` says how much it was. Secrets that the configuration has, or ever had
since the start, are \`***\`.
`;

setUp();
const primary = await import('../packages/primary/dist/index.js');
const { METRICS } = await built('http', 'metrics.js');
const { REPORT_FIELDS } = await built('http', 'report.js');
const pages = {
  'commands.md': await commandsPage(built),
  'configuration.md': await configuration(),
  'log.md': await log(),
  'metrics.md': metricsPage(METRICS),
  'port.md': await portPage(built, primary),
  'status.md': statusPage(REPORT_FIELDS),
};
const check = process.argv.includes('--check');
mkdirSync(reference, { recursive: true });
for (const [name, text] of Object.entries(pages)) {
  const path = join(reference, name);
  if (!check) writeFileSync(path, text);
  else if (!existsSync(path) || text !== readFileSync(path, 'utf8')) {
    console.error(`docs/reference/${name} has drifted from the program: npm run docs`);
    process.exitCode = 1;
  }
}

async function configuration() {
  const { GROUPS, SETTINGS, variableOf } = await built('config', 'settings.js');
  const settings = Object.entries(SETTINGS);
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const own = settings.filter(([, setting]) => setting.group === group);
    return `## ${title}\n\n${own.map(([name, setting]) => entry(name, setting, variableOf(name))).join('\n')}`;
  });
  return `${HEAD}\n${groups.join('\n')}`;
}

function entry(name, { form, default: preset, description, negative, secret, live }, variable) {
  const flag =
    form.hint === undefined
      ? `\`--${name}\`, \`--no-${name}\``
      : `\`--${name} <${form.hint}${form.many ? '...' : ''}>\``;
  const file = secret ? `, or the file that \`${variable}_FILE\` names` : '';
  const facts = [
    `flag: ${flag}${negative === undefined ? '' : ` (${negative})`}`,
    `variable: \`${variable}\`${file}`,
    ...(form.choices === undefined ? [] : [`one of: ${form.choices.map(code).join(', ')}`]),
    `default: ${preset === undefined ? 'none' : code(preset)}`,
    `live: ${live ? 'yes' : 'no, from the next start on'}`,
  ];
  const sentence = `${description[0].toUpperCase()}${description.slice(1)}.`;
  return `### \`${name}\`\n\n${sentence}\n\n${facts.map((fact) => `- ${fact}\n`).join('')}`;
}

async function log() {
  const { EVENTS, FIELDS } = await built('logging', 'events.js');
  const events = Object.entries(EVENTS).map(([name, { description, bounded }]) => {
    const bound = bounded ? '; at most 20 lines in 10 s, and `more` says how many there were' : '';
    return `- ${code(name)}: ${description}${bound}\n`;
  });
  const fields = Object.entries(FIELDS).map(([name, { type, description }]) => {
    return `- ${code(name)} (${type}): ${description}\n`;
  });
  return `${LOG_HEAD}\n## Events\n\n${events.join('')}\n## Fields\n\n${fields.join('')}`;
}

function code(text) {
  return `\`${text}\``;
}

/** A module of the program, as it was built. */
function built(...path) {
  return import(pathToFileURL(join(root, 'apps', 'replica', 'dist', ...path)));
}
