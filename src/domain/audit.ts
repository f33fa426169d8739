import { sha256 } from '../base/hashes.ts'
import { canonicalJson } from '../base/json.ts'
import type { AuditBodies } from './audit-bodies.ts'

/** What an audit row is about: a closed set. */
export const AUDIT_KINDS = [
  'alerts-refused',
  'incident-opened',
  'incident-reopened',
  'incident-resolved',
  'incident-expired',
  'no-policy-matches',
  'run-started',
  'run-reopened',
  'decision',
  'intent',
  'intent-withdrawn',
  'write',
  'rollout',
  'on-the-way',
  'confirmation',
  'next-step',
  'concluded',
  'told',
  'would-tell',
  'delivered',
  'delivery-failed',
  'switch',
  'policies-loaded',
  'storm',
  'deploy-marker',
  'fields-given-up',
  'loan-returned',
  'loan-kept',
  'reminded',
  'guard-started',
  'guard-judges',
  'guard-ended',
  'handed-over',
  'blindness-began',
  'blindness-over'
] as const satisfies readonly (keyof AuditBodies)[]
export type AuditKind = (typeof AUDIT_KINDS)[number]

/** One fact of one kind. `audited.ts` makes them. */
export interface AuditFact<Kind extends AuditKind> {
  readonly at: number
  readonly kind: Kind
  readonly runId?: string
  readonly incidentId?: string
  /** `askedBy`: who asked for the run; absent where an alert began it. */
  readonly body: AuditBodies[Kind] & { readonly askedBy?: string }
}

/** One fact for the record; its kind tells what its body is. */
export type AuditEntry = { readonly [Kind in AuditKind]: AuditFact<Kind> }[AuditKind]

/** An entry's place in the chain. `seq` has no gaps; `hash` covers the entry, its place and the row before it. */
export interface AuditPlace {
  readonly seq: number
  readonly previous: string
  readonly hash: string
}

/** An entry as it stands in the chain. */
export type AuditRow = AuditEntry & AuditPlace

export const CHAIN_START = '0'.repeat(64)

/** The text that is hashed, and stored: one canonical form, so that any edit of any column shows. */
export function auditText(entry: AuditEntry): string {
  return canonicalJson({ at: entry.at, kind: entry.kind, runId: entry.runId, incidentId: entry.incidentId, body: entry.body })
}

export function chainHash(previous: string, seq: number, text: string): string {
  return sha256(`${previous}\n${seq}\n${text}`)
}
