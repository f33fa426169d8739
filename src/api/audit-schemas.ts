import { type Static, type TObject, Type } from 'typebox'
import { ALERT_LIMIT_NAMES } from '../domain/alert-limits.ts'
import type { AuditKind } from '../domain/audit.ts'
import type { AuditBodies, ReturnResult, WriteOutcome } from '../domain/audit-bodies.ts'
import { BLINDNESSES } from '../domain/blindness.ts'
import { DEPLOY_GUARD_RESULTS } from '../domain/deploy-guard.ts'
import { MODES, OUTCOMES } from '../domain/outcomes.ts'
import type { Write } from '../domain/plan.ts'
import { REASONS } from '../domain/reasons.ts'
import { VERDICTS } from '../domain/verdict.ts'
import {
  DecisionFactsSchema,
  type Equal,
  GuardOptionsSchema,
  type Hold,
  LabelsSchema,
  MARKER_FIELDS,
  milliseconds,
  ObjectRefSchema,
  PassedSchema,
  PLANNED_FIELDS,
  SampleSchema,
  text,
  word
} from './fact-schemas.ts'

const WRITE_OUTCOMES = ['answered', 'observed', 'refused', 'failed', 'unknown'] as const satisfies readonly WriteOutcome[]
const RETURN_RESULTS = [
  'applied',
  'conflict',
  'rejected',
  'refused',
  'tool-failed',
  'too-large',
  'held',
  'forbidden',
  'not-found'
] as const satisfies readonly ReturnResult[]

const STEP = { step: Type.Integer({ description: 'The rung of the ladder, from 0.' }) }
const PLAN = { intent: Type.String(), action: Type.String(), target: ObjectRefSchema, plan: text('The plan’s hash.') }
const REVERSE = { reverse: text('The command that undoes the write.') }
const GUARD = { guard: Type.String(), target: ObjectRefSchema }
const BLINDNESS = { blindness: word(BLINDNESSES), id: text('Of its affair.'), detail: Type.String() }
const LOAN = { loan: Type.String(), action: Type.String(), target: ObjectRefSchema }
const ATTEMPT = { channel: Type.String(), key: text('The message’s idempotency key.'), attempt: Type.Integer() }
const PEOPLE = {
  channels: Type.Array(Type.String()),
  storm: Type.Optional(text('The storm that they are told of.')),
  group: Type.Optional(
    Type.Object(
      { source: Type.String(), target: Type.String() },
      { description: 'Their alerts share one message, which counts the run; that counts as told.' }
    )
  ),
  why: Type.Optional(Type.String())
}
const DECIDED = {
  ...STEP,
  action: Type.Optional(Type.String()),
  stages: Type.Array(Type.Object({ stage: Type.String(), ms: Type.Number() })),
  passed: Type.Optional(Type.Array(PassedSchema))
}

/** The body of each kind of audit row; a decision has one of two. */
export const BODY_SCHEMAS = {
  'alerts-refused': [
    Type.Object({
      source: Type.String(),
      delivery: Type.String(),
      limit: word(ALERT_LIMIT_NAMES),
      allowed: Type.Integer(),
      count: Type.Integer(),
      first: Type.Array(Type.String(), { description: 'The first of them: their places in the delivery, and their names.' })
    })
  ],
  'incident-opened': [
    Type.Object({
      source: Type.String(),
      labels: LabelsSchema,
      startsAt: Type.Number(),
      delivery: Type.Optional(Type.String()),
      follows: Type.Optional(text('The incident of the episode before.'))
    })
  ],
  'incident-reopened': [Type.Object({ delivery: Type.String(), startsAt: Type.Number(), times: Type.Integer() })],
  'incident-resolved': [Type.Object({ delivery: Type.String() })],
  'incident-expired': [Type.Object({ why: Type.String() })],
  'no-policy-matches': [Type.Object({})],
  'run-started': [
    Type.Object({
      policy: Type.String(),
      mode: word(MODES),
      target: Type.Optional(ObjectRefSchema),
      labels: LabelsSchema,
      escalatesAt: Type.Optional(milliseconds('Epoch milliseconds; absent in a dry run.'))
    })
  ],
  'run-reopened': [Type.Object({ why: Type.String() })],
  decision: [
    Type.Object({ ...DECIDED, ...PLANNED_FIELDS, verdict: Type.Literal('act') }, { description: 'Everything speaks for the write.' }),
    Type.Object(
      {
        ...DECIDED,
        verdict: word(['hold', 'would act'] as const),
        reason: word(REASONS),
        detail: Type.String(),
        facts: Type.Optional(DecisionFactsSchema)
      },
      { description: 'Held; or a dry run that only its mode, or the switch, keeps from writing.' }
    )
  ],
  intent: [
    Type.Object({
      ...PLAN,
      summary: Type.String(),
      ...REVERSE,
      // Which fields a write has follows from its kind, and kinds come and go with actions.
      write: Type.Unsafe<Write>({ type: 'object', required: ['kind'], properties: { kind: { type: 'string' } }, description: 'Whole.' })
    })
  ],
  'intent-withdrawn': [Type.Object({ intent: Type.String(), reason: word(REASONS), detail: Type.String(), sends: Type.Integer() })],
  write: [
    Type.Object({
      ...PLAN,
      result: word(WRITE_OUTCOMES),
      detail: Type.String(),
      from: text('Identity of the template before.'),
      to: Type.Optional(text('Identity of the template after; absent where only reading it tells.')),
      ...REVERSE
    })
  ],
  rollout: [Type.Object({ ...STEP, state: Type.Enum(['complete', 'held']), detail: Type.String() })],
  'on-the-way': [Type.Object({ ...STEP, did: text('What was done while the rollout moved.') })],
  confirmation: [
    Type.Object({
      ...STEP,
      verdict: word(VERDICTS),
      passes: Type.Integer({ description: 'Passing samples in a row.' }),
      needed: Type.Integer(),
      sample: SampleSchema
    })
  ],
  'next-step': [
    Type.Object({
      ...STEP,
      from: Type.String(),
      to: Type.Optional(Type.String()),
      why: Type.String(),
      sample: Type.Optional(SampleSchema)
    })
  ],
  concluded: [
    Type.Object({
      outcome: word(OUTCOMES),
      reason: Type.Optional(word(REASONS)),
      facts: Type.Optional(DecisionFactsSchema),
      detail: Type.String(),
      step: Type.Optional(Type.Integer()),
      wrote: Type.Boolean(),
      reverse: Type.Optional(Type.String()),
      repair: Type.Optional(text('The command that mends what a failed program left.'))
    })
  ],
  told: [Type.Object(PEOPLE)],
  'would-tell': [Type.Object(PEOPLE)],
  delivered: [Type.Object(ATTEMPT)],
  'delivery-failed': [
    Type.Object({ ...ATTEMPT, detail: Type.String(), final: Type.Boolean({ description: 'Sending it again cannot help.' }) })
  ],
  switch: [Type.Object({ mode: word(MODES), reason: Type.String(), by: Type.String() })],
  'policies-loaded': [
    Type.Object({
      version: Type.String(),
      policies: Type.Integer(),
      mode: Type.Optional(word(MODES, 'The ceiling of the process that begins.'))
    })
  ],
  storm: [Type.Object({ storm: Type.String(), targets: Type.Integer(), within: milliseconds('Milliseconds.') })],
  'deploy-marker': [Type.Object({ ...MARKER_FIELDS, of: text('The key of the workload, or of the release.') })],
  'fields-given-up': [
    Type.Object({
      ...STEP,
      result: word(['given-up', 'kept'] as const, 'Kept: the next server-side apply may conflict.'),
      detail: Type.String(),
      intent: Type.String(),
      action: Type.String(),
      target: ObjectRefSchema
    })
  ],
  'loan-returned': [Type.Object({ ...LOAN, result: Type.Optional(word(RETURN_RESULTS)), detail: Type.String() })],
  'loan-kept': [Type.Object({ ...LOAN, result: word(RETURN_RESULTS), detail: Type.String() })],
  reminded: [Type.Object({ ...LOAN, detail: Type.String() })],
  'guard-started': [
    Type.Object({
      ...GUARD,
      by: Type.String(),
      options: GuardOptionsSchema,
      entry: Type.Optional(text('What of the policies allows it to write; absent where nothing does.'))
    })
  ],
  'guard-judges': [
    Type.Object({ ...GUARD, version: Type.String(), replaces: Type.Optional(Type.String()), said: Type.Array(Type.String()) })
  ],
  'guard-ended': [
    Type.Object({
      ...GUARD,
      result: word(DEPLOY_GUARD_RESULTS),
      detail: Type.String(),
      grounds: Type.Array(Type.String(), { description: 'The verdict with its numbers, in words.' }),
      run: Type.Optional(text('The run that it began.'))
    })
  ],
  'handed-over': [
    Type.Object({
      by: Type.String(),
      via: word(['api', 'slack'] as const),
      person: Type.Optional(text('Team id and user id in Slack.')),
      reason: Type.Optional(Type.String()),
      stopsWatching: Type.Boolean({ description: 'Astern also stops watching what it wrote.' }),
      state: text('The run’s state at that moment.')
    })
  ],
  'blindness-began': [Type.Object({ ...BLINDNESS, told: Type.Array(Type.String(), { description: 'The channels that are told.' }) })],
  'blindness-over': [Type.Object(BLINDNESS)]
} as const satisfies Readonly<Record<AuditKind, readonly TObject[]>>

/** Fails to compile where the schemas of a kind do not say what its type says. */
export type AuditSchemasHold = Hold<{
  [Kind in AuditKind]: Equal<Type.TUnsafe<Static<(typeof BODY_SCHEMAS)[Kind][number]>>, AuditBodies[Kind]>
}>
