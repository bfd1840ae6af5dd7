/** A history has broken a rule. Failures with the same `rule` are of the same kind. */
export class BrokenRule extends Error {
  override readonly name = 'BrokenRule';
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}

/** Equal for failures of the same kind. */
export function kindOf(error: unknown): string {
  if (error instanceof BrokenRule) return error.rule;
  const { name, message, code } = error as Error & { readonly code?: string };
  // Numbers and ids differ from one run of the same fault to the next.
  return `${name} ${code ?? ''} ${message.split('\n')[0]?.replace(/[0-9a-f]{40}|\d+/g, '#')}`;
}
