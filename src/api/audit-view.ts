import { type Static, type TObject, Type } from 'typebox'
import { Check } from 'typebox/value'
import { textAt } from '../base/json.ts'
import { AUDIT_KINDS, type AuditKind, type AuditRow } from '../domain/audit.ts'
import type { AuditBodies } from '../domain/audit-bodies.ts'
import { BODY_SCHEMAS } from './audit-schemas.ts'
import { text } from './fact-schemas.ts'

const PLACE = {
  seq: Type.Integer({ description: 'Without gaps.' }),
  at: text('RFC 3339.'),
  run: Type.Optional(Type.String()),
  incident: Type.Optional(Type.String()),
  askedBy: Type.Optional(text('Who asked for the run; absent where an alert began it.')),
  hash: text('Covers the row, its place, and the row before it.'),
  previous: text('The hash of the row before.')
}
type Place = Static<TObject<typeof PLACE>>

/**
 * A row as the API tells it: its body's fields beside its place. A marker's own `at`, a number, stands in place of when it
 * was told.
 */
export type AuditView = {
  readonly [Kind in AuditKind]: Readonly<Omit<Place, keyof AuditBodies[Kind]>> & { readonly kind: Kind } & AuditBodies[Kind]
}[AuditKind]

const VIEWS: ReadonlyMap<string, readonly TObject[]> = new Map(AUDIT_KINDS.map(kind => [kind, viewsOf(kind)]))

export const AuditViewSchema = Type.Union([...VIEWS.values()].flat(), {
  description: 'A row of the audit log. Its kind tells what else stands in it.'
})

function viewsOf(kind: AuditKind): readonly TObject[] {
  return BODY_SCHEMAS[kind].map(({ properties }) => Type.Object({ ...PLACE, kind: Type.Literal(kind), ...properties }, { title: kind }))
}

/** Tells a row over HTTP, all of it. */
export function auditView({ seq, at, kind, runId, incidentId, body, hash, previous }: AuditRow): Readonly<Record<string, unknown>> {
  return { seq, at: new Date(at).toISOString(), kind, run: runId, incident: incidentId, ...body, hash, previous }
}

/** Reads a row that a server told; undefined where it is not as this version knows its kind, so that it may be shown as it is. */
export function parseAuditView(value: unknown): AuditView | undefined {
  const schemas = VIEWS.get(textAt(value, 'kind') ?? '')
  return schemas?.some(schema => Check(schema, value)) === true ? (value as AuditView) : undefined
}
