/** Columns where the output is no terminal, which is what the rest of the help has then. */
const DEFAULT_WIDTH = 80;

/** Wraps help text to the width of the terminal; a longer word gets its own line. */
export function wrapped(text: string, width = process.stdout.columns ?? DEFAULT_WIDTH): string {
  return text
    .split(/(\n{2,})/)
    .map((block) => wrappedBlock(block, width))
    .join('');
}

/** Prose is wrapped again; lines of lists and examples are kept. */
function wrappedBlock(block: string, width: number): string {
  const lines = block.split('\n');
  if (lines.every(({ length }) => length <= width)) return block;
  const [first = '', ...others] = lines;
  // What is added to the help begins and ends with a newline.
  if (first === '') return `\n${wrappedBlock(others.join('\n'), width)}`;
  if (lines.at(-1) === '') return `${wrappedBlock(lines.slice(0, -1).join('\n'), width)}\n`;
  const isProse = lines.every((line) => /^\S/.test(line));
  return (isProse ? [lines.join(' ')] : lines).map((line) => filled(line, width)).join('\n');
}

/** What follows the first line stands below what the last column of a list begins with. */
function filled(line: string, width: number): string {
  const [indent = ''] = /^ *(?:\S(?:.*?\S)? {2,})?/.exec(line) ?? [];
  const margin = ' '.repeat(indent.length);
  const done: string[] = [];
  let current = indent;
  for (const word of line.slice(indent.length).split(' ')) {
    const isBegun = current.trimEnd() !== '' && current !== indent;
    if (isBegun && current.length + 1 + word.length > width) {
      done.push(current);
      current = margin + word;
    } else current += isBegun ? ` ${word}` : word;
  }
  return [...done, current].join('\n');
}
