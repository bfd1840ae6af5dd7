export type Row = readonly string[];

/**
 * Rows as lines, each cell as wide as the widest that stands with others below or above it; those of the
 * columns in `right` end where the others of their column end.
 */
export function aligned(rows: readonly Row[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      // What stands last is as long as it likes.
      if (i < row.length - 1 || right.includes(i))
        widths[i] = Math.max(widths[i] ?? 0, cell.length);
    }
  }
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const width = widths[i] ?? 0;
      if (right.includes(i)) return cell.padStart(width);
      return i < row.length - 1 ? cell.padEnd(width) : cell;
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
}
