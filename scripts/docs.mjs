// npm run docs: writes the reference docs that come from the program itself; `--check` only says whether
// they are as it would write them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setUp } from './setup.mjs';

const path = join(root, 'docs', 'reference', 'configuration.md');

const HEAD = `# Configuration of \`forebay replica\`

Made by \`npm run docs\` from the table of settings; not to be edited.

Each setting is a flag, a key in the TOML file of \`--config\` (or \`FOREBAY_CONFIG\`), and a variable. A flag
goes before the environment, that before the file, that before the default; an empty variable is as good as
none. A setting that is live changes while the daemon runs, when SIGHUP has the files read anew.

A size is a number of bytes, or has a unit: \`kb\`, \`mb\`, \`gb\`, \`tb\` of 1,024, \`k\`, \`m\`, \`g\` of 1,000. A time has
the unit \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`; without one it is of seconds.
`;

setUp();
const text = await configuration();
if (!process.argv.includes('--check')) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
} else if (text !== readFileSync(path, 'utf8')) {
  console.error('docs/reference has drifted from the program: npm run docs');
  process.exitCode = 1;
}

async function configuration() {
  const module = join(root, 'apps', 'replica', 'dist', 'config', 'settings.js');
  const { GROUPS, SETTINGS, variableOf } = await import(pathToFileURL(module));
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
