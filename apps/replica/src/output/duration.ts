const STEPS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const;

/** A time in seconds with its two largest units: `4.2 s`, `3 min 5 s`, `2 d 7 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds > 0 && seconds < 9.95 ? 1 : 0)} s`;
  const i = STEPS.findIndex(([size]) => seconds >= size);
  const [size, unit] = STEPS[i]!;
  const [below, name] = STEPS[i + 1] ?? [1, 's'];
  const rest = Math.floor((seconds % size) / below);
  return `${Math.floor(seconds / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${name}`}`;
}
