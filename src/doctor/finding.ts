/** What a check found. `warning`: Astern works, but not as far as the policies suggest. `unreachable`: something else must answer first. */
export type FindingState = 'ok' | 'warning' | 'bad' | 'unreachable'

export interface Finding {
  /** What was looked at: `rights in shop`, `channel on-call`. */
  readonly check: string
  readonly state: FindingState
  readonly detail: string
  /** What to do about it. Every finding that is not ok has it. */
  readonly todo?: string
}

export function fine(check: string, detail: string): Finding {
  return { check, state: 'ok', detail }
}

export function trouble(check: string, state: Exclude<FindingState, 'ok'>, detail: string, todo: string): Finding {
  return { check, state, detail, todo }
}
