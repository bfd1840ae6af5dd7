/** State × event → next state. An event without an entry is impossible in that state. */
export type TransitionTable<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>;

/** @throws {Error} if the table has no entry: an error of the calling program, not of a peer */
export function nextState<State extends string, Event extends string>(
  table: TransitionTable<State, Event>,
  state: State,
  event: Event,
): State {
  const next = table[state][event];
  if (next === undefined) throw new Error(`the state ${state} has no transition for ${event}`);
  return next;
}
