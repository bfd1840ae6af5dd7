// npm run docs: writes the reference docs that come from the program itself; `--check` only says whether
// they are as it would write them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { metricsPage, statusPage } from './docs-http.mjs';
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

setUp();
const { METRICS } = await built('http', 'metrics.js');
const { REPORT_FIELDS } = await built('http', 'report.js');
const pages = {
  'configuration.md': await configuration(),
  'metrics.md': metricsPage(METRICS),
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

function code(text) {
  return `\`${text}\``;
}

/** A module of the program, as it was built. */
function built(...path) {
  return import(pathToFileURL(join(root, 'apps', 'replica', 'dist', ...path)));
}
