// The page of the reference on the port.

const HEAD = `# The port of \`forebay replica\`

Made by \`npm run docs\` from the table of commands and from what INFO tells; not to be edited.

It answers as a replica does (\`--port\`, \`--tls-port\`), to replicas, Sentinels, exporters and clients, by RESP2 and
RESP3. \`INFO\` and \`ROLE\` are in the servers' words. Messages published on the primary (\`PUBLISH\`, \`SPUBLISH\`) reach
subscribers here, as on a replica; messages published here reach only subscribers here. What is not listed is refused by saying what this is. How
many words a command takes counts its name.

## Commands
`;

/** Every command that is served; `built` loads a module of the program, `server` is that of its package. */
export async function portPage(built, { ReplicationServer }) {
  const { portCommands } = await built('port', 'commands.js');
  // The parts are used only when a command is executed.
  const { commands } = new ReplicationServer({}, { commands: portCommands({}) });
  const lines = [...commands].sort(([a], [b]) => (a < b ? -1 : 1)).map(lineOf);
  return `${HEAD}\n${lines.join('')}\n${await fieldsOfInfo(built)}`;
}

const INFO_HEAD = `## INFO

Sections and fields have the names and meanings that servers give them; \`forebay_version\` and
\`forebay_run_ids\` are forebay's own: the latter lists the run ids of this forebay and of the forebays upstream of it,
so that a forebay can detect a replication loop. The versions are
those of the primary (Redis 7.4.0 until it is known), with \`valkey_version\` or \`redict_version\` where it is one. While a copy comes
in there are those of the transfer (\`master_sync_…_bytes\`, \`…_perc\`), while the link is down
\`master_link_down_since_seconds\`; each replica below has a \`slaveN\`. No keys are counted: Keyspace is empty.
`;

/** Something of everything that it tells: only the names are looked at. */
const SAMPLE = {
  upstream: {},
  primary: { flavour: 'valkey' },
  link: { state: 'transfer', transfer: {}, downSince: 0, received: {} },
  log: { history: {} },
  replicas: [],
  runIds: [],
  clients: {},
  memory: {},
  cpu: {},
};

async function fieldsOfInfo(built) {
  const { infoOf } = await built('port', 'info.js');
  const configuration = { config: { sentinel: {} } };
  const stats = { of: () => ({ counts: {}, rates: {}, errors: new Map([['ERR', 1]]) }) };
  const sections = infoOf(SAMPLE, configuration, stats).trim().split('\r\n\r\n');
  const lines = sections.map((section) => {
    const [head, ...fields] = section.split('\r\n').filter((line) => line !== '');
    const names = fields.map((field) => `\`${field.split(':', 1)[0]}\``);
    return `- ${head.slice(2)}: ${names.length === 0 ? 'nothing' : names.join(', ')}\n`;
  });
  return `${INFO_HEAD}\n${lines.join('')}`;
}

function lineOf([name, { least, most, summary, forStrangers }]) {
  const upTo = most >= 1024 ? ' or more' : ` to ${most}`;
  const words = `${least}${least === most ? '' : upTo}`;
  const also = forStrangers ? ' Before the password, too.' : '';
  return `- \`${name.toUpperCase()}\` (${words}): ${summary}${also}\n`;
}
