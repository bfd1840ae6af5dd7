/** What stands for a secret wherever something is said. */
const HIDDEN = '***';

/** Characters of a long secret that are enough of it: a server cuts off what it repeats. */
const ENOUGH = 32;

const known = new Set<string>();

/**
 * Has a secret hidden from now on wherever this process says something. It is told by whoever reads one, and
 * is never forgotten: a password that was replaced may still open another server.
 */
export function learnSecret(secret: string): void {
  for (const form of [secret, decoded(secret)]) {
    if (form === '') continue;
    known.add(form);
    known.add(encodeURIComponent(form));
    // What a server says is kept with a character for each byte.
    known.add(Buffer.from(form).toString('latin1'));
    // As servers and we quote what cannot be printed.
    known.add(JSON.stringify(form).slice(1, -1));
  }
}

/** Learns what is the password in the text of a URL, whether or not that can be used as one. */
export function learnSecretOf(url: string): void {
  const [, password] = /^[a-z]+:\/\/[^/:@]*:(.*)@/i.exec(url) ?? [];
  if (password !== undefined) learnSecret(password);
}

/** The text without any secret that is known, and without any password in a URL. */
export function withoutSecrets(text: string): string {
  let clean = withoutPasswords(text);
  // The longest first: one may be the beginning of another.
  for (const secret of [...known].sort((a, b) => b.length - a.length))
    clean = without(secret, clean);
  return clean;
}

/** The text with `***` for each password in a URL. */
export function withoutPasswords(text: string): string {
  return text.replace(/(:\/\/[^\s/:@]*:)[^\s/]*@/g, `$1${HIDDEN}@`);
}

/** What could be a word, or a piece of one, is hidden where it stands alone: a hole in a word tells what was in it. */
function isWord(secret: string): boolean {
  return secret.length < 4 || (secret.length < 12 && /^[a-z]+$/i.test(secret));
}

function without(secret: string, text: string): string {
  const beginning = secret.slice(0, ENOUGH);
  let clean = '';
  let from = 0;
  for (;;) {
    const found = text.indexOf(beginning, from);
    if (found === -1) return clean + text.slice(from);
    let end = found + beginning.length;
    while (end - found < secret.length && text[end] === secret[end - found]) end++;
    const isPart = isWord(secret) && /\w/.test(`${text[found - 1] ?? ''}${text[end] ?? ''}`);
    clean += text.slice(from, found) + (isPart ? text.slice(found, end) : HIDDEN);
    from = end;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
