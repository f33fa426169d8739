/** What a caller may do. An operator may do all that a viewer may, and an approver all of both; `webhook` stands apart (rules 8). */
export const ROLES = ['webhook', 'viewer', 'operator', 'approver'] as const
export type Role = (typeof ROLES)[number]

export interface Credential {
  readonly name: string
  readonly role: Role
  /** The source that incidents of this sender belong to. Two Alertmanager peers may share one. */
  readonly source: string
}

/** Everyone's name and source while there are no tokens. */
export const LOCAL = 'local'

const LADDER: readonly Role[] = ['viewer', 'operator', 'approver']

/** Whether the credential's role includes the one that is needed. */
export function mayAct(credential: Credential, needed: Role): boolean {
  if (needed === 'webhook' || credential.role === 'webhook') return credential.role === needed
  return LADDER.indexOf(credential.role) >= LADDER.indexOf(needed)
}
