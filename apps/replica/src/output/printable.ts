// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text of which a terminal does nothing but show it: controls but tabs and newlines as JSON writes them. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
