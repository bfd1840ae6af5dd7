/** LZF the dumb way: at each place the longest match of all before it, or a literal. */
export function compressLzf(input: Uint8Array): Uint8Array {
  const output: number[] = [];
  let literals: number[] = [];
  const flush = (): void => {
    if (literals.length > 0) output.push(literals.length - 1, ...literals);
    literals = [];
  };
  for (let at = 0; at < input.length; ) {
    const { distance, length } = longestMatch(input, at);
    if (length < 3) {
      literals.push(input[at++]!);
      if (literals.length === 32) flush();
      continue;
    }
    flush();
    const back = distance - 1;
    if (length < 9) output.push(((length - 2) << 5) | (back >> 8), back & 0xff);
    else output.push((7 << 5) | (back >> 8), length - 9, back & 0xff);
    at += length;
  }
  flush();
  return Uint8Array.from(output);
}

function longestMatch(input: Uint8Array, at: number): { distance: number; length: number } {
  let best = { distance: 0, length: 0 };
  for (let from = Math.max(0, at - 8192); from < at; from++) {
    let length = 0;
    while (
      length < 264 &&
      at + length < input.length &&
      input[from + length] === input[at + length]
    )
      length++;
    if (length > best.length) best = { distance: at - from, length };
  }
  return best;
}
