import { describeEndpoint } from '@forebay/replica';
import { EXIT } from '../../exit.ts';
import type { Check } from '../check.ts';
import type { Finding } from '../finding.ts';
import { bad, good, warning } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** Days for which a certificate has to be valid still, or somebody has to look after it. */
const LEAST_DAYS = 21;

/** Milliseconds, as a person reads them. */
function since(begin: number): string {
  return `${(performance.now() - begin).toFixed(1)} ms`;
}

/** From a link to who we are on it. */
export const linkChecks: readonly Check[] = [
  { name: 'reach', tries: 'connects', needs: [], run: reach },
  {
    name: 'tls',
    tries: 'secures the link, where that is asked for',
    needs: ['reach'],
    run: secure,
  },
  {
    name: 'ping',
    tries: 'whether a Redis or Valkey answers, and is ready',
    needs: ['tls'],
    run: ping,
  },
  { name: 'auth', tries: 'the user and the password', needs: ['ping'], run: authenticate },
];

async function reach(subject: Subject): Promise<readonly Finding[]> {
  const { endpoint } = subject.candidate;
  const begin = performance.now();
  // That it is reached and that it is secured are told apart.
  const plain = endpoint.kind === 'tls' ? ({ ...endpoint, kind: 'tcp' } as const) : endpoint;
  const connection = await subject.connect(plain);
  if (endpoint.kind === 'tls') connection.close();
  else subject.connection = connection;
  return [good(`${describeEndpoint(endpoint)} takes connections, in ${since(begin)}`)];
}

async function secure(subject: Subject): Promise<readonly Finding[]> {
  const { endpoint, password } = subject.candidate;
  if (endpoint.kind === 'tls') {
    const begin = performance.now();
    subject.connection = await subject.connect();
    return certificate(subject, since(begin));
  }
  const isNear = endpoint.kind === 'unix' || /^(127\.|::1$|localhost$)/.test(endpoint.host);
  if (isNear || password === undefined) return [good('not asked for')];
  return [warning('the password goes over the network as it is', 'use rediss://, or --tls')];
}

function certificate({ connection, tls }: Subject, took: string): readonly Finding[] {
  if (tls.rejectUnauthorized === false) {
    const message = 'the link is secured, and any certificate is taken';
    return [warning(message, '--cacert <file>, not --insecure')];
  }
  const end = connection.certificateEnd;
  const day = end?.toISOString().slice(0, 10);
  const until = day === undefined ? '' : `, until ${day}`;
  const message = `the link is secured, and the certificate holds${until}, in ${took}`;
  const days = end === undefined ? Infinity : (end.getTime() - Date.now()) / 86_400_000;
  if (days >= LEAST_DAYS) return [good(message)];
  return [warning(message, `there: another certificate before ${day}`)];
}

async function ping({ connection, candidate }: Subject): Promise<readonly Finding[]> {
  const reply = await connection.ask('PING');
  const where = describeEndpoint(candidate.endpoint);
  if (reply.kind === 'text' && /^PONG$/i.test(reply.text)) return [good('it answers PING')];
  if (reply.kind !== 'error') {
    return [bad(EXIT.runtime, `what answers at ${where} is no Redis or Valkey`)];
  }
  const { text } = reply;
  if (/^NOAUTH\b/.test(text)) return [good('it answers, and wants a password')];
  if (/^(NOPERM\b|ERR operation not permitted)/.test(text)) return [good('it answers')];
  if (text.startsWith('LOADING')) {
    return [bad(EXIT.unavailable, `it reads its data set: ${text}`, 'wait until it is loaded')];
  }
  if (text.startsWith('DENIED')) {
    const message = 'it is in protected mode, and refuses who comes from elsewhere';
    return [bad(EXIT.denied, message, 'there: CONFIG SET requirepass <password>')];
  }
  return [bad(EXIT.unavailable, `it answers PING with: ${text}`)];
}

async function authenticate(subject: Subject): Promise<readonly Finding[]> {
  const { connection, user } = subject;
  const reply = await connection.authenticate();
  if (reply === undefined) {
    const pong = await connection.ask('PING');
    if (pong.kind === 'error' && pong.text.startsWith('NOAUTH')) {
      const advice =
        'give --masterauth, or FOREBAY_MASTERAUTH, and --masteruser where there is one';
      return [bad(EXIT.denied, 'it wants a password', advice)];
    }
    return [good('no password is wanted')];
  }
  if (reply.kind !== 'error') return [good(`it takes the password of user ${user}`)];
  const { text } = reply;
  if (/without any password|no password is set/.test(text)) {
    return [bad(EXIT.denied, 'it has no password, and refuses ours', 'leave out --masterauth')];
  }
  // Some servers repeat what they were given.
  const said = /^[A-Z]+/.exec(text)?.[0] ?? 'an error';
  const message = `it refuses the password of user ${user} (${said})`;
  const there = `or, there: ACL SETUSER ${user} on ><password> +psync +replconf +ping +info`;
  return [bad(EXIT.denied, message, 'check --masteruser and --masterauth', there)];
}
