import type { CopyCause } from '@forebay/psync';
import type { ReplicaErrorCode } from '@forebay/replica';
import type { PartialCause } from '../status/link-record.ts';

/** Why full copies are made. */
export const COPY_CAUSES = namesOf<CopyCause>({
  'nothing-held': 0,
  behind: 0,
  'below-base': 0,
  backlog: 0,
  history: 0,
  'not-covered': 0,
  refused: 0,
  'no-psync': 0,
  decided: 0,
});

/** How partial resyncs go. */
export const PARTIAL_CAUSES = namesOf<PartialCause>({ 'same-id': 0, 'new-id': 0 });

/** What attempts and links end by. */
export const LINK_ENDS = namesOf<ReplicaErrorCode>({
  INVALID_OPTION: 0,
  UNREACHABLE: 0,
  UNRESOLVED: 0,
  TLS: 0,
  TIMEOUT: 0,
  DENIED: 0,
  LOOP: 0,
  TRY_LATER: 0,
  REFUSED: 0,
  NOT_UNDERSTOOD: 0,
  BAD_PAYLOAD: 0,
  DESYNCHRONIZED: 0,
  LINK_LOST: 0,
  RETARGETED: 0,
  STOPPED: 0,
});

/** All of a type's names: the compiler sees to it that none is missing. */
function namesOf<Name extends string>(all: Readonly<Record<Name, 0>>): readonly Name[] {
  return Object.keys(all) as Name[];
}
