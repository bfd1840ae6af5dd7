import { endOf } from '../manifest/lineage.ts';
import type { Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import {
  filesNamedBy,
  lastIncrement,
  MANIFEST_NAME,
  sequenceOf,
  startOf,
} from '../manifest/manifest.ts';
import type { Finding } from './finding.ts';
import { fileNamed } from './finding.ts';

/** Where a manifest says what cannot be, whoever has given it a checksum that fits. */
export function contradictionsOf(manifest: Manifest, text: string): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (name, what) => {
    const place = Math.max(0, text.indexOf(` ${name} `) + 1);
    findings.push({ severity: 'error', file: fileNamed(MANIFEST_NAME), place, what });
  };
  checkNames(manifest, add);
  for (const segment of [...manifest.past, manifest.live]) {
    checkOrder(segment, add);
    checkBases(segment, add);
    checkIds(segment, add);
  }
  checkServerOrder(manifest.live, add);
  return findings;
}

type Add = (name: string, what: string) => void;

function checkNames(manifest: Manifest, add: Add): void {
  const seen = new Set<string>();
  for (const name of filesNamedBy(manifest)) {
    if (seen.has(name)) add(name, `${name} is named twice`);
    if (sequenceOf(name) === undefined) add(name, `${name} is not a name that forebay gives`);
    seen.add(name);
  }
  const numbers = [...manifest.past, manifest.live].map(({ number }) => number);
  const twice = numbers.find((number, i) => numbers.indexOf(number) < i);
  if (twice !== undefined) add(String(twice), `there are two segments ${twice}`);
}

function checkOrder(segment: Segment | PastSegment, add: Add): void {
  for (const [i, { name, startOffset }] of segment.increments.entries()) {
    const before = segment.increments[i - 1];
    if (before !== undefined && before.startOffset >= startOffset) {
      add(name, `${name} begins at offset ${startOffset}, and not after ${before.name}`);
    }
  }
  const { name, startOffset } = lastIncrement(segment);
  const end = endOf(segment, startOffset);
  if (end < startOffset) add(name, `${name} ends at offset ${end}, before it begins`);
}

function checkBases(segment: Segment, add: Add): void {
  const starts = new Set(segment.increments.map(({ startOffset }) => startOffset));
  for (const [i, { name, offset }] of segment.bases.entries()) {
    const before = segment.bases[i - 1];
    if (before !== undefined && before.offset >= offset) {
      add(name, `${name} stands at offset ${offset}, and not after ${before.name}`);
    }
    if (offset >= startOf(segment) && !starts.has(offset)) {
      add(name, `no increment starts at offset ${offset}, where ${name} stands`);
    }
  }
}

function checkIds({ ids }: Segment, add: Add): void {
  for (const [i, { id, from }] of ids.entries()) {
    const before = ids[i - 1];
    if (before !== undefined && before.from > from) {
      add(id, `the id ${id} begins at offset ${from}, before the one that it came after`);
    }
  }
}

/** `aof.c: aofLoadManifestFromFile` refuses increments whose numbers do not go up. */
function checkServerOrder({ increments }: Segment, add: Add): void {
  for (const [i, { name, sequence }] of increments.entries()) {
    const before = increments[i - 1];
    if (before !== undefined && before.sequence >= sequence) {
      add(name, `${name} has a number that is not higher than that of ${before.name}`);
    }
  }
}
