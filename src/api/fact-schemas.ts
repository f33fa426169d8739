import { type Static, type TSchema, Type } from 'typebox'
import type { Change, DeployMarker, Witness } from '../domain/change.ts'
import type { DecisionFacts, PassedRung, PlannedFacts, ToldWrite } from '../domain/decision-facts.ts'
import { GUARD_BASELINES, POD_ROADS } from '../domain/deploy-guard.ts'
import type { MovedImage } from '../domain/moved-image.ts'
import { type ObjectRef, TARGET_KINDS } from '../domain/objects.ts'
import { OWNER_KINDS, type ToldOwner } from '../domain/owner.ts'
import type { Symptom } from '../domain/symptom.ts'
import { PROBLEMS, type QuerySample, type Sample, VERDICTS } from '../domain/verdict.ts'
import type { Release } from '../domain/workload.ts'

// Schemas of the facts of `src/domain`, for the answers of the API. `Equal` below holds each to its type. All are open:
// a later version may tell more, and what an action tells for people stands beside.

/** One word of a closed set: of a list, or of a table's keys. */
export function word<Word extends string>(known: readonly Word[] | Readonly<Record<Word, unknown>>, description?: string) {
  const list = Array.isArray(known) ? known : Object.keys(known)
  return Type.Unsafe<Word>({ type: 'string', enum: list, ...(description === undefined ? {} : { description }) })
}

/** An instant, or a length of time, as a number. */
export function milliseconds(description: string) {
  return Type.Number({ description })
}

export function text(description: string) {
  return Type.String({ description })
}

/** What belongs to an action, or is only for people to read. */
export const Anything = Type.Record(Type.String(), Type.Unknown())
export const LabelsSchema = Type.Record(Type.String(), Type.String())

export const ObjectRefSchema = Type.Object({ kind: word(TARGET_KINDS), namespace: Type.String(), name: Type.String() })

const QuerySampleSchema = Type.Object({
  query: text('Its name in the policy.'),
  promql: text('As it was asked.'),
  time: milliseconds('The instant that was asked about: epoch milliseconds, the source’s clock.'),
  verdict: word(VERDICTS),
  value: Type.Optional(Type.Number()),
  traffic: Type.Optional(Type.Number()),
  problem: Type.Optional(word(PROBLEMS)),
  detail: Type.Optional(Type.String()),
  tookMs: Type.Number()
})

export const SampleSchema = Type.Object(
  { time: Type.Number(), verdict: word(VERDICTS), problem: Type.Optional(word(PROBLEMS)), queries: Type.Array(QuerySampleSchema) },
  { description: 'All queries of the policy at one instant.' }
)

const WITNESSES = ['watch', 'revision', 'manager', 'marker', 'release', 'pods'] as const satisfies readonly Witness[]

const ChangeSchema = Type.Union([
  Type.Object({ kind: Type.Literal('known'), at: milliseconds('Epoch milliseconds, the API server’s clock.'), by: word(WITNESSES) }),
  Type.Object({ kind: Type.Literal('unknown'), why: Type.String() })
])

/** Since when the symptom is there. */
export const SymptomSchema = Type.Object(
  {
    since: milliseconds('The first failing point of the stretch that goes on: epoch milliseconds, Astern’s clock.'),
    orBefore: Type.Boolean({ description: 'Whether the first point that was looked at fails already: it began then, or before.' }),
    resolution: milliseconds('How far apart the points are.'),
    queries: Type.Array(Type.String(), { description: 'The names of the queries that were asked.' }),
    measuredAt: milliseconds('When: epoch milliseconds, Astern’s clock.')
  },
  { description: 'The symptom as its own queries date it. Their own lag is not subtracted: a query over 2m may tell up to 2m late.' }
)

/** What CI told of a deployment. */
export const MARKER_FIELDS = {
  id: Type.String(),
  at: milliseconds('When Astern received it: epoch milliseconds, Astern’s clock. It counts from here.'),
  saidAt: Type.Optional(milliseconds('When it was deployed, as CI says: only shown.')),
  version: Type.String(),
  commit: Type.Optional(Type.String()),
  author: Type.Optional(Type.String()),
  url: Type.Optional(Type.String()),
  by: text('The credential that told it.')
}
const MarkerSchema = Type.Object(MARKER_FIELDS)

const MovedImageSchema = Type.Object(
  {
    container: Type.String(),
    image: Type.String(),
    at: milliseconds('When the first container with the newer image started: epoch milliseconds, the API server’s clock.'),
    older: Type.String(),
    newer: Type.String(),
    pods: Type.Object({ newer: Type.Integer(), all: Type.Integer() })
  },
  { description: 'A tag that names another image than before: pods of the present template run both.' }
)

const ReleaseSchema = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  latest: Type.Optional(
    Type.Object({
      revision: Type.Integer(),
      status: Type.String(),
      changedAt: Type.Number(),
      finishedAt: Type.Optional(Type.Number()),
      earlier: Type.Optional(
        Type.Array(Type.Object({ revision: Type.Integer(), from: Type.Number(), to: Type.Number() }), {
          description: 'The other revisions that were in force once, and when; newest first.'
        })
      )
    })
  ),
  unseen: Type.Optional(text('Why nothing is known of it.'))
})

const OwnerSchema = Type.Object({
  kind: word(OWNER_KINDS),
  name: Type.String(),
  enforces: word(['yes', 'no', 'unknown'] as const),
  detail: Type.String(),
  hint: Type.Optional(Type.Literal(true)),
  object: Type.Optional(Type.Object({ path: Type.String(), uid: Type.String(), annotated: Type.Boolean() })),
  automated: Type.Optional(Anything)
})

const ToldPlanSchema = Type.Object(
  {
    hash: Type.String(),
    summary: Type.String(),
    reverse: text('The command that undoes the write.'),
    // Which fields a write has follows from its kind, and kinds come and go with actions.
    write: Type.Unsafe<ToldWrite>({ type: 'object', required: ['kind'], properties: { kind: { type: 'string' } } })
  },
  { description: 'What the action tells of its plan stands beside these: revisions, images, who was not chosen and why.' }
)

export const PassedSchema = Type.Object({ step: Type.Integer(), action: Type.String(), why: Type.String() })

/** Why the write would be right. */
export const PLANNED_FIELDS = {
  plan: ToldPlanSchema,
  samples: Type.Array(SampleSchema),
  serverDryRun: text('What the API server said to a write that it did not store.'),
  warnings: Type.Optional(Type.Array(text('What the API server warned of then.'))),
  notLookedAt: Type.Optional(Type.Array(text('What Astern may not look at of all that the older version needs.'))),
  symptom: SymptomSchema,
  unknownAlert: Type.Optional(text('Set where Alertmanager was asked and does not know the alert.')),
  change: ChangeSchema,
  releaseChange: Type.Optional(ChangeSchema),
  release: Type.Optional(ReleaseSchema),
  hints: Type.Optional(Type.Array(text('An owner that only the target’s metadata names.'))),
  markers: Type.Optional(Type.Array(MarkerSchema)),
  changedBy: Type.Optional(text('The field manager that made the present version of the one before.')),
  differs: Type.Optional(Type.Array(text('What differs between the two: names, and of values only images.'))),
  movedImage: Type.Optional(MovedImageSchema)
}

export const DecisionFactsSchema = Type.Partial(
  Type.Object({
    ...PLANNED_FIELDS,
    changedAt: milliseconds('Astern’s clock.'),
    changeKnownBy: word(WITNESSES),
    template: text('Identity of the template that the target has.'),
    storm: text('The storm’s id.'),
    targets: Type.Integer({ description: 'How many alert in the storm.' }),
    calmAt: milliseconds('Astern’s clock.'),
    hours: Type.Integer({ description: 'How many full hours the storm has lasted.' }),
    sample: SampleSchema,
    judged: text('Identity of the template that was judged.'),
    found: text('Identity of the template that is there.'),
    passed: Type.Array(PassedSchema),
    completedAt: milliseconds('When the suspect’s rollout was complete, the API server’s clock.'),
    owners: Type.Array(OwnerSchema),
    revert: text('The change to make where the target is declared.'),
    provenFor: Type.String(),
    candidates: Type.Array(Anything)
  }),
  { description: 'What was seen by whatever refused. Which of these stand there follows from the reason.' }
)

/** What JSON makes of a type: the same, and nothing can be written to it. */
export type Json<T> = T extends readonly (infer Item)[]
  ? readonly Json<Item>[]
  : T extends object
    ? [keyof T] extends [never]
      ? Record<never, never>
      : { readonly [Key in keyof T]: Json<T[Key]> }
    : T

/** `true` where the schema says exactly what the type says, optional members included. */
export type Equal<Schema extends TSchema, T> =
  (<X>() => X extends Json<Static<Schema>> ? 1 : 2) extends <X>() => X extends Json<T> ? 1 : 2 ? true : false

/** Fails to compile where one of them is not `true`. */
export type Hold<Checks extends Readonly<Record<string, true>>> = Checks

export type FactSchemasHold = Hold<{
  target: Equal<typeof ObjectRefSchema, ObjectRef>
  query: Equal<typeof QuerySampleSchema, QuerySample>
  sample: Equal<typeof SampleSchema, Sample>
  change: Equal<typeof ChangeSchema, Change>
  symptom: Equal<typeof SymptomSchema, Symptom>
  marker: Equal<typeof MarkerSchema, DeployMarker>
  movedImage: Equal<typeof MovedImageSchema, MovedImage>
  release: Equal<typeof ReleaseSchema, Release>
  owner: Equal<typeof OwnerSchema, ToldOwner>
  passed: Equal<typeof PassedSchema, PassedRung>
  planned: Equal<Type.TObject<typeof PLANNED_FIELDS>, PlannedFacts>
  decision: Equal<typeof DecisionFactsSchema, DecisionFacts>
}>

/** What a deploy guard was asked to do. */
export const GuardOptionsSchema = Type.Object({
  soak: milliseconds('No pass before this, milliseconds.'),
  timeout: milliseconds('Inconclusive after this, milliseconds.'),
  warmUp: Type.Optional(milliseconds('How long a fresh pod’s latency does not count, milliseconds.')),
  baseline: word(GUARD_BASELINES),
  tolerated: Type.Optional(Type.Object({ ratio: Type.Number(), add: Type.Number() })),
  objective: Type.Optional(Type.Number()),
  metrics: Type.Array(Type.String()),
  revision: Type.Optional(Type.Number()),
  image: Type.Optional(Type.String()),
  onFail: word(['rollback', 'report'] as const),
  dryRun: Type.Boolean(),
  pods: word(POD_ROADS)
})
