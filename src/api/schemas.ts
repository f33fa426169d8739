import { Type } from 'typebox'
import { TARGET_KINDS } from '../domain/objects.ts'
import { OUTCOMES } from '../domain/outcomes.ts'
import { RUN_KINDS, RUN_STATES } from '../domain/run.ts'

const closed = { additionalProperties: false }

export const TargetSchema = Type.Object(
  {
    kind: Type.Enum([...TARGET_KINDS]),
    // The longest names that Kubernetes takes.
    namespace: Type.String({ minLength: 1, maxLength: 63 }),
    name: Type.String({ minLength: 1, maxLength: 253 })
  },
  closed
)

const Labels = Type.Record(Type.String(), Type.String())

/** An alert as people write one by hand: only the labels are needed. */
export const AlertSchema = Type.Object({
  labels: Labels,
  annotations: Type.Optional(Labels),
  startsAt: Type.Optional(Type.String()),
  status: Type.Optional(Type.Enum(['firing', 'resolved'])),
  endsAt: Type.Optional(Type.String()),
  generatorURL: Type.Optional(Type.String()),
  fingerprint: Type.Optional(Type.String())
})

/** `{alert}`, or `{policy, target}`. */
export const RequestSchema = Type.Object(
  { alert: Type.Optional(AlertSchema), policy: Type.Optional(Type.String({ minLength: 1 })), target: Type.Optional(TargetSchema) },
  closed
)

/** `{}`, or why, and whether Astern is also to stop watching what it wrote. */
export const HandOverSchema = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 1_000 })), stopWatching: Type.Optional(Type.Boolean()) },
  closed
)

export const RunsQuerySchema = Type.Object(
  {
    state: Type.Optional(Type.Enum([...RUN_STATES])),
    outcome: Type.Optional(Type.Enum(Object.keys(OUTCOMES))),
    kind: Type.Optional(Type.Enum([...RUN_KINDS])),
    policy: Type.Optional(Type.String()),
    target: Type.Optional(Type.String({ description: 'Kind/namespace/name' })),
    incident: Type.Optional(Type.String()),
    cursor: Type.Optional(Type.String()),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: '1 to 999; default 50' }))
  },
  closed
)

export const AuditQuerySchema = Type.Object(
  {
    run: Type.Optional(Type.String()),
    incident: Type.Optional(Type.String()),
    cursor: Type.Optional(Type.String({ pattern: '^[0-9]+$' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' }))
  },
  closed
)

export const SwitchSchema = Type.Object(
  { mode: Type.Enum(['off', 'dry-run', 'auto']), reason: Type.String({ minLength: 1, maxLength: 500 }) },
  closed
)

export const ExplainSchema = Type.Object({ labels: Labels }, closed)

export const IdSchema = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })
