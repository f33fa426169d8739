/** A group of alerting rules as Prometheus tells of it. Instants are in its clock. */
export interface RuleGroup {
  readonly name: string
  readonly file: string
  readonly intervalMs: number
  /** Absent where it was not evaluated yet. */
  readonly lastEvaluation?: number
  readonly rules: readonly { readonly name: string; readonly failed: boolean; readonly error: string }[]
}

/** An alert that Alertmanager holds for a receiver. */
export interface HeldAlert {
  readonly labels: Readonly<Record<string, string>>
}
