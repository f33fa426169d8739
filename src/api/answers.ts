import { type Static, type TSchema, Type } from 'typebox'
import { OUTCOMES } from '../domain/outcomes.ts'
import { REASONS } from '../domain/reasons.ts'
import { RUN_KINDS, RUN_STATES } from '../domain/run.ts'
import { TRIGGER_KINDS } from '../domain/trigger.ts'
import { AuditViewSchema } from './audit-view.ts'
import { LabelsSchema, text, word } from './fact-schemas.ts'

const instant = () => Type.String({ format: 'date-time' })

const INCIDENT_STATES = ['open', 'resolved', 'expired'] as const

export const IncidentSchema = Type.Object(
  {
    id: Type.String(),
    source: Type.String(),
    state: word(INCIDENT_STATES),
    labels: LabelsSchema,
    startsAt: instant(),
    openedAt: instant(),
    resolvedAt: Type.Optional(instant()),
    toldAt: Type.Optional(instant())
  },
  { description: 'Of the alert that began the run; absent where no alert did.' }
)

export const TriggerSchema = Type.Object(
  {
    kind: word(TRIGGER_KINDS),
    by: Type.Optional(text('Who asked for the run.')),
    at: Type.Optional(instant()),
    alert: Type.Optional(Type.Object({ labels: LabelsSchema, startsAt: instant() }))
  },
  { description: 'What began the run. Absent members: an alert did, whose incident stands beside it.' }
)

const RUN_FIELDS = {
  id: Type.String(),
  kind: word(RUN_KINDS),
  policy: Type.String(),
  target: Type.Optional(text('Kind/namespace/name; absent where the policy names no object for the alert.')),
  state: word(RUN_STATES),
  step: Type.Integer({ description: 'The rung of the ladder, from 0.' }),
  action: Type.Optional(Type.String()),
  outcome: Type.Optional(word(OUTCOMES)),
  reason: Type.Optional(word(REASONS, 'Why it waits, or why it ended.')),
  sentence: Type.Optional(text('What the reason, or the outcome, means.')),
  detail: Type.Optional(Type.String()),
  wrote: Type.Boolean({ description: 'Whether anything was written for it.' }),
  symptom: Type.Optional(
    Type.Object(
      {
        since: instant(),
        orBefore: Type.Boolean({ description: 'It fails at the first point that was looked at: it began then, or before.' }),
        queries: Type.Array(Type.String()),
        measuredAt: instant()
      },
      { description: 'The symptom as its own queries date it; absent while no sample showed it. Their own lag is not subtracted.' }
    )
  ),
  handedOver: Type.Optional(
    Type.Object(
      { by: Type.String(), at: instant(), reason: Type.Optional(Type.String()), stopsWatching: Type.Boolean() },
      { description: 'Who has taken its affair over: Astern writes nothing more for it.' }
    )
  ),
  createdAt: instant(),
  nextAt: Type.Optional(instant()),
  endedAt: Type.Optional(instant()),
  escalatesAt: Type.Optional(instant()),
  trigger: TriggerSchema,
  incident: Type.Optional(IncidentSchema)
}

export const RunSchema = Type.Object(RUN_FIELDS)

/** What several answers hold, each told once in `/openapi.json`. */
export const SHARED = [
  { ...RunSchema, $id: 'Run' },
  { ...AuditViewSchema, $id: 'AuditRow' }
] as const

const shared = (name: (typeof SHARED)[number]['$id']) => Type.Ref(`${name}#`)

export const RunWithTimelineSchema = Type.Intersect([shared('Run'), Type.Object({ timeline: Type.Array(shared('AuditRow')) })])
export const RunPageSchema = pageOf(shared('Run'))
export const AuditPageSchema = pageOf(shared('AuditRow'))

function pageOf(item: TSchema) {
  return Type.Object({ items: Type.Array(item), next: Type.Optional(text('The cursor of the next page.')) })
}

/** What a view tells of a schema: a member that is undefined is left out of the JSON. */
export type ViewOf<Schema extends TSchema> = Undefined<Static<Schema>>
type Undefined<T> = T extends object
  ? { readonly [Key in keyof T]: Undefined<T[Key]> | (Record<never, never> extends Pick<T, Key> ? undefined : never) }
  : T

/**
 * Documents what a route answers with 200. The answer itself goes out as it is: Fastify's own serialiser would leave out what a
 * schema does not name, and an action tells in its plan what only it knows.
 */
export function answering(summary: string, tags: readonly string[], schema: TSchema) {
  return { summary, tags: [...tags], response: { 200: Type.Unsafe<unknown>(schema) } }
}

/** Goes with {@link answering}. */
export const AS_IT_IS = { serializerCompiler: () => (answer: unknown) => JSON.stringify(answer) }
