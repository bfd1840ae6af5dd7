// The page of the reference on the commands.

const HEAD = `# The commands

Made by \`npm run docs\` from what \`--help\` says of each; not to be edited.
`;

/** What `--help` of each command says, and of each below it; `built` loads a module of the program. */
export async function commandsPage(built) {
  const { buildProgram } = await built('program.js');
  const { ProcessReporter } = await built('logging', 'process-reporter.js');
  const program = await buildProgram(new ProcessReporter(process.stderr));
  return `${HEAD}\n${sectionsOf(program, '').join('\n')}`;
}

function sectionsOf(command, above) {
  const name = `${above}${command.name()}`;
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 100,
  });
  command.outputHelp();
  const section = `## ${name}\n\n\`\`\`\n${text.trim()}\n\`\`\`\n`;
  return [section, ...command.commands.flatMap((each) => sectionsOf(each, `${name} `))];
}
