/** Who calls, and what they may do. `viewer` ⊂ `operator` ⊂ `approver`; `webhook` stands apart (rules 8). */
export const ROLES = ['webhook', 'viewer', 'operator', 'approver'] as const
export type Role = (typeof ROLES)[number]

export interface Credential {
  readonly name: string
  readonly role: Role
  /** What incidents of this sender belong to: two Alertmanager peers may share one. */
  readonly source: string
}

const LADDER: readonly Role[] = ['viewer', 'operator', 'approver']

export function mayAct(credential: Credential, needed: Role): boolean {
  if (needed === 'webhook' || credential.role === 'webhook') return credential.role === needed
  return LADDER.indexOf(credential.role) >= LADDER.indexOf(needed)
}
