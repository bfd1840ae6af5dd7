import { createHash, timingSafeEqual } from 'node:crypto';

/** The header that makes a browser ask for a password (RFC 7617). */
export const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="forebay", charset="UTF-8"' } as const;

/**
 * Whether an `Authorization` header has the password, with whatever user. It takes as long for any header:
 * digests of one length are compared, so that nothing can be learned from the time.
 */
export function isAuthorized(header: string | undefined, password: string): boolean {
  const [, encoded = ''] = /^basic +([a-z\d+/=_-]+)$/i.exec(header ?? '') ?? [];
  const given = Buffer.from(encoded, 'base64')
    .toString('utf8')
    .replace(/^[^:]*:/, '');
  return timingSafeEqual(digestOf(given), digestOf(password));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
