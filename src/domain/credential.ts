import { matchesGlob } from '../base/globs.ts'

/**
 * What a caller may do. An operator may do all that a viewer may, and an approver all of both. `webhook` and `deployer` stand apart:
 * they may do one thing each, and what a deployer may do an operator may do too (rules 8).
 */
export const ROLES = ['webhook', 'deployer', 'viewer', 'operator', 'approver'] as const
export type Role = (typeof ROLES)[number]

export interface Credential {
  readonly name: string
  readonly role: Role
  /** The source that incidents of this sender belong to. Two Alertmanager peers may share one. */
  readonly source: string
  /** The namespaces, as globs, in which a deployer may do what it does. The other roles are not limited by them. */
  readonly namespaces?: readonly string[]
}

/** Everyone's name and source while there are no tokens. */
export const LOCAL = 'local'

/** The roles that include each role. */
const INCLUDED_IN: Readonly<Record<Role, readonly Role[]>> = {
  webhook: ['webhook'],
  deployer: ['deployer', 'operator', 'approver'],
  viewer: ['viewer', 'operator', 'approver'],
  operator: ['operator', 'approver'],
  approver: ['approver']
}

/** Whether the credential's role includes the one that is needed. */
export function mayAct(credential: Credential, needed: Role): boolean {
  return INCLUDED_IN[needed].includes(credential.role)
}

/** Whether the credential may tell of what happens in the namespace. */
export function mayActIn(credential: Credential, namespace: string): boolean {
  return credential.namespaces === undefined || credential.namespaces.some(glob => matchesGlob(glob, namespace))
}
