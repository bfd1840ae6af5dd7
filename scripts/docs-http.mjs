// The reference of what HTTP tells, out of the tables that it is told by.

const METRICS_HEAD = `# Metrics of \`forebay replica\`

Made by \`npm run docs\` from the table of metrics; not to be edited.

\`/metrics\` (\`--http\`, 127.0.0.1:6381 by default) tells these in the text format of Prometheus. Counters are since the
start. What is not known is not there, and not 0. What is on the disk is looked at every five seconds, and the
server that is followed is asked for its offset as often, over a connection of its own; every second while a page is
open.

`;

const STATUS_HEAD = `# The fields of \`/status.json\`

Made by \`npm run docs\` from the table of fields; not to be edited.

Times are in milliseconds since 1970, offsets are of the last byte. What is not known is \`null\`, and so is an object
of which there is nothing to say. \`/events\` tells the same every second, as an event \`status\` (server-sent events),
and before the first one an event \`history\`: the last ten minutes, a column a series.

`;

export function metricsPage(metrics) {
  const rows = metrics.map(({ name, type, labels = [], help }) => {
    return [code(name), type, labels.map(code).join(', '), help];
  });
  return METRICS_HEAD + table(['metric', 'type', 'labels', 'what it is'], rows);
}

export function statusPage(fields) {
  const rows = fields.map(({ path, type, description }) => [code(path), type, description]);
  return STATUS_HEAD + table(['field', 'type', 'what it is'], rows);
}

/** A table as the formatter leaves it. */
function table(head, rows) {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |\n`;
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('');
}

function code(text) {
  return `\`${text}\``;
}
