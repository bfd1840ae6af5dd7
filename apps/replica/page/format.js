const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const STEPS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
];

/** Placeholder for an unknown value. */
export const UNKNOWN = '–';

/** A number of bytes in three digits and a unit of 1,024. */
export function bytes(value) {
  if (value === null || value === undefined) return UNKNOWN;
  let rest = value;
  let unit = 0;
  while (rest >= 1000 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${digits(rest, unit === 0)} ${UNITS[unit]}`;
}

/** A count in three digits: `1.2 M`. */
export function count(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value >= 999_500) return `${digits(value / 1e6)} M`;
  if (value >= 9995) return `${digits(value / 1e3)} k`;
  return digits(value, true);
}

/** A time in seconds. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds === 0) return '0 s';
  if (seconds < 0.001) return `${digits(seconds * 1e6, true)} µs`;
  if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 60) return `${digits(seconds)} s`;
  for (const [size, unit] of STEPS) {
    if (seconds < size) continue;
    const whole = Math.floor(seconds / size);
    const below = STEPS[STEPS.findIndex(([each]) => each === size) + 1];
    if (below === undefined) {
      const rest = Math.floor(seconds % 60);
      return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} s`;
    }
    const rest = Math.floor((seconds % size) / below[0]);
    return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${below[1]}`;
  }
  return UNKNOWN;
}

/** The same, short of zeros that say nothing, where it stands at an axis: `2 MiB`. */
export function short(text) {
  return text.replace(/(\d)\.0+(?=\s)/, '$1').replace(/(\.\d)0(?=\s)/, '$1');
}

/** A whole number, its thousands apart. */
export function whole(value) {
  return value === null || value === undefined
    ? UNKNOWN
    : Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');
}

/** A time of day by the browser's clock. */
export function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hour12: false });
}

/** A date by the browser's clock. */
export function day(milliseconds) {
  const parts = { day: 'numeric', month: 'long', year: 'numeric' };
  return new Date(milliseconds).toLocaleDateString('en', parts);
}

/** A date and a time of day by the browser's clock. */
export function dateTime(milliseconds) {
  return `${day(milliseconds)}, ${clock(milliseconds)}`;
}

export function plural(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

function digits(value, isWhole = false) {
  if (isWhole || value >= 99.95) return String(Math.round(value));
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
