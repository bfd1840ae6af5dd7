import type { Endpoint } from '@forebay/replica';

/** A server that may be followed, and who we are to it. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The file that the password is from: it is read again before each attempt. */
  readonly passwordFile?: string | undefined;
}

export type Candidates = readonly [Candidate, ...Candidate[]];
