import { crc32 } from 'node:zlib';
import type { Manifest, PastSegment, Segment } from './manifest.ts';

export const FORMAT = 1;
/** What each manifest of a log begins with, before the format. */
export const HEADER = '# forebay-log ';

/**
 * The manifest as text. What servers have no field for stands in `#` lines, which they skip; a line
 * of theirs stands for the newest base and for each increment from it on, with the start offset in
 * their own field (Redis 8). A blank line, or one of over 1,023 bytes, would make them refuse to boot
 * (`aof.c: aofLoadManifestFromFile`).
 */
export function formatManifest(manifest: Manifest): string {
  const { live, past, closedSize } = manifest;
  const lines = [`${HEADER}${FORMAT}`];
  for (const segment of past) lines.push(...segmentLines(segment, pastHeader(segment)));
  lines.push(...segmentLines(live, `# segment ${live.number} live`));
  lines.push(...serverLines(live));
  if (closedSize !== undefined) lines.push(`# closed ${closedSize}`);
  const text = `${lines.join('\n')}\n`;
  return `${text}${checksumLine(text)}\n`;
}

/** The last line, of what stands before it. */
export function checksumLine(text: string): string {
  return `# crc32 ${crc32(text).toString(16).padStart(8, '0')}`;
}

/** What is left of a text that may hold anything: one line, of printable ASCII. */
function plainReason(text: string): string {
  return (
    text
      .replace(/[^ -~]+/g, ' ')
      .slice(0, 200)
      .trim() || 'not told'
  );
}

/** The lines that a server reads. */
export function serverLines({ bases, increments }: Segment): string[] {
  const base = bases.at(-1);
  if (base === undefined) return [];
  return [
    `file ${base.name} seq ${base.sequence} type b`,
    ...increments
      .filter(({ startOffset }) => startOffset >= base.offset)
      .map(
        (each) => `file ${each.name} seq ${each.sequence} type i startoffset ${each.startOffset}`,
      ),
  ];
}

function pastHeader({ number, by, end, ended, reason }: PastSegment): string {
  return `# segment ${number} ${by} end ${end} at ${ended} reason ${plainReason(reason)}`;
}

function segmentLines({ ids, aliases, bases, increments }: Segment, header: string): string[] {
  return [
    header,
    ...ids.map(({ id, from }) => `# id ${id} from ${from}`),
    ...aliases.map(({ id, from }) => `# alias ${id} from ${from}`),
    ...bases.map(
      ({ name, sequence, offset, size, crc, time }) =>
        `# base ${name} seq ${sequence} offset ${offset} size ${size} crc ${crc} at ${time}`,
    ),
    ...increments.map(
      ({ name, index, sequence, startOffset, database }) =>
        `# increment ${name} index ${index} seq ${sequence} offset ${startOffset} database ${database}`,
    ),
  ];
}
