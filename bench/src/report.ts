import { cpus, totalmem } from 'node:os';

/** What a ratio is held to. */
type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** One measurement of ours beside one of a peer's, or beside a bound. */
interface Row {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  /** The peer's name and figure; where there is none, the bound of the goal is what ours is held to. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** Ours by the peer's, as the median over the rounds. */
  readonly ratio?: number;
  /** Of the ratio; where there is none, of our figure. Undefined: the row is there to compare with. */
  readonly goal?: Goal;
  /** More figures, by what they are. */
  readonly details?: Readonly<Record<string, number>>;
}

/** Where the rows go: to standard output. Progress goes to standard error. */
export interface Report {
  add(row: Row): void;
  progress(text: string): void;
  end(): void;
}

/** `versions` are those of the peers, by name. */
export function newReport(json: boolean, versions: Readonly<Record<string, string>>): Report {
  return json ? new JsonLines(versions) : new Table(versions);
}

function isMet({ ours, ratio, goal }: Row): boolean | undefined {
  if (goal === undefined) return undefined;
  const figure = ratio ?? ours;
  return 'atLeast' in goal ? figure >= goal.atLeast : figure <= goal.atMost;
}

class JsonLines implements Report {
  constructor(versions: Readonly<Record<string, string>>) {
    this.#print({ type: 'machine', ...machine(), versions });
  }

  add(row: Row): void {
    this.#print({ type: 'row', ...row, met: isMet(row) ?? null });
  }

  progress(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  end(): void {}

  #print(line: unknown): void {
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

class Table implements Report {
  readonly #rows: Row[] = [];
  readonly #header: string;

  constructor(versions: Readonly<Record<string, string>>) {
    const { cpu, cores, memory, node, date } = machine();
    const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    this.#header = `${date}, ${cores} x ${cpu}, ${memory} GB, Node ${node}; ${peers.join(', ')}`;
  }

  add(row: Row): void {
    this.#rows.push(row);
  }

  progress(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  end(): void {
    const cells = [
      ['', 'unit', 'ours', 'peer', '', 'ratio', 'goal', 'met'],
      ...this.#rows.map(cellsOf),
    ];
    const widths = cells[0]!.map((_, column) => {
      return Math.max(...cells.map((row) => row[column]!.length));
    });
    process.stdout.write(`${this.#header}\n\n`);
    for (const row of cells) {
      const padded = row.map((cell, column) => {
        const numeric = column === 2 || column === 3 || column === 5;
        return numeric ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
      });
      process.stdout.write(`${padded.join('  ').trimEnd()}\n`);
    }
    this.#printDetails();
  }

  #printDetails(): void {
    const detailed = this.#rows.filter((row) => row.details !== undefined);
    if (detailed.length > 0) process.stdout.write('\n');
    for (const { name, details } of detailed) {
      const figures = Object.entries(details ?? {});
      const text = figures.map(([what, value]) => `${what} ${digits(value)}`).join(', ');
      process.stdout.write(`${name}: ${text}\n`);
    }
  }
}

function cellsOf(row: Row): string[] {
  const { name, unit, ours, peer, ratio, goal } = row;
  const met = isMet(row);
  return [
    name,
    unit,
    digits(ours),
    peer === undefined ? '' : digits(peer.value),
    peer?.name ?? '',
    ratio === undefined ? '' : ratio.toFixed(2),
    goal === undefined ? '' : 'atLeast' in goal ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`,
    met === undefined ? '' : met ? 'yes' : 'NO',
  ];
}

/** Three digits that count, and more where the number has them before its point. */
function digits(value: number): string {
  const before = Math.max(1, Math.floor(Math.log10(Math.abs(value) || 1)) + 1);
  return value.toLocaleString('en', {
    minimumFractionDigits: Math.max(0, 3 - before),
    maximumFractionDigits: Math.max(0, 3 - before),
  });
}

function machine() {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    memory: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
  };
}
