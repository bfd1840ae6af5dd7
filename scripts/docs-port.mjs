// The page of the reference on the port.

const HEAD = `# The port of \`forebay replica\`

Made by \`npm run docs\` from the table of commands; not to be edited.

It answers as a replica does (\`--port\`, \`--tls-port\`), to replicas, Sentinels, exporters and clients, by RESP2 and
RESP3. \`INFO\` and \`ROLE\` are in the servers' words. What is not listed is refused by saying what this is. How
many words a command takes counts its name.
`;

/** Every command that is served; `built` loads a module of the program, `server` is that of its package. */
export async function portPage(built, { ReplicationServer }) {
  const { portCommands } = await built('port', 'commands.js');
  // Nothing is asked of who serves before a command is carried out.
  const { commands } = new ReplicationServer({}, { commands: portCommands({}) });
  const lines = [...commands].sort(([a], [b]) => (a < b ? -1 : 1)).map(lineOf);
  return `${HEAD}\n${lines.join('')}`;
}

function lineOf([name, { least, most, summary, forStrangers }]) {
  const upTo = most >= 1024 ? ' or more' : ` to ${most}`;
  const words = `${least}${least === most ? '' : upTo}`;
  const also = forStrangers ? ' Before the password, too.' : '';
  return `- \`${name.toUpperCase()}\` (${words}): ${summary}${also}\n`;
}
