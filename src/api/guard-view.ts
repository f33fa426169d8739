import { Type } from 'typebox'
import { formatDuration } from '../base/duration.ts'
import {
  DEPLOY_GUARD_RESULTS,
  DEPLOY_GUARD_STATES,
  type DeployGuard,
  type DeployGuardOptions,
  GUARD_BASELINES,
  type GuardRun,
  type GuardStanding,
  type JudgedVersion,
  POD_ROADS
} from '../domain/deploy-guard.ts'
import { formatMargin } from '../domain/margin.ts'
import { formatObjective } from '../domain/objective.ts'
import { targetKey } from '../domain/objects.ts'
import { MODES, OUTCOMES } from '../domain/outcomes.ts'
import { REASONS } from '../domain/reasons.ts'
import { RUN_STATES } from '../domain/run.ts'
import type { ViewOf } from './answers.ts'
import { text, word } from './fact-schemas.ts'

const instant = () => Type.String({ format: 'date-time' })
const STANDINGS = ['watching', 'pass', 'fail', 'inconclusive'] as const satisfies readonly GuardStanding['kind'][]

const TallySchema = Type.Object({ requests: Type.Number(), bad: Type.Number() })

const VersionSchema = Type.Object({
  identity: text('Identity of its pod template.'),
  revision: Type.Optional(Type.Integer()),
  images: Type.Array(Type.String()),
  changedAt: instant(),
  replaces: Type.Optional(
    Type.Object({ identity: Type.String(), revision: Type.Optional(Type.Integer()), images: Type.Array(Type.String()) })
  )
})

const StandingSchema = Type.Object({
  kind: word(STANDINGS),
  awaits: Type.Optional(Type.String()),
  because: Type.Optional(text('Which kind of inconclusive.')),
  baseline: word(GUARD_BASELINES),
  compared: text('What it is compared with, in words.'),
  guarantee: Type.Optional(text('What error rate is claimed; absent where none is.')),
  seconds: Type.Number({ description: 'Since the deploy.' }),
  parts: Type.Array(
    Type.Object({
      metric: Type.String(),
      name: Type.String(),
      old: TallySchema,
      new: TallySchema,
      ratio: Type.Optional(
        Type.Object(
          { estimate: Type.Optional(Type.Number()), lower: Type.Number(), upper: Type.Optional(Type.Number()) },
          { description: 'New ÷ old share of bad requests, with bounds that hold at all times.' }
        )
      ),
      tolerated: Type.String(),
      proven: Type.Optional(text('The tightest tolerance that is proven.')),
      evidenceToFail: Type.Number({ description: '0 … 1 of what a failure needs.' }),
      evidenceToPass: Type.Number({ description: '0 … 1 of what a pass needs.' })
    })
  ),
  worst: Type.Optional(Type.String()),
  notes: Type.Array(Type.String()),
  text: Type.Array(text('For people; the first line says it all.'))
})

export const GuardSchema = Type.Object({
  id: Type.String(),
  target: text('Kind/namespace/name.'),
  by: text('The credential that asked.'),
  createdAt: instant(),
  state: word(DEPLOY_GUARD_STATES),
  options: Type.Object({
    for: Type.String(),
    timeout: Type.String(),
    warmUp: Type.Optional(Type.String()),
    baseline: word(GUARD_BASELINES),
    tolerate: Type.Optional(Type.String()),
    objective: Type.Optional(Type.String()),
    metrics: Type.Array(Type.String()),
    revision: Type.Optional(Type.Integer()),
    image: Type.Optional(Type.String()),
    onFail: word(['rollback', 'report'] as const),
    dryRun: Type.Boolean(),
    pods: word(POD_ROADS)
  }),
  change: Type.Object({
    commit: Type.Optional(Type.String()),
    author: Type.Optional(Type.String()),
    url: Type.Optional(Type.String())
  }),
  entry: Type.Optional(
    Type.Object(
      { name: Type.String(), mode: word(MODES) },
      { description: 'The entry of `guards:` that it runs under; absent where none covers the target: it only reports then.' }
    )
  ),
  version: Type.Optional(VersionSchema),
  said: Type.Array(text('What was found before the first block, and what it means.')),
  standing: Type.Optional(StandingSchema),
  reported: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String(),
        at: instant(),
        value: Type.Optional(Type.Number()),
        why: Type.Optional(text('Why there is no number.'))
      }),
      { description: 'Metrics that decide nothing, as they were last.' }
    )
  ),
  failing: Type.Optional(text('What Kubernetes itself shows to be failing.')),
  awaits: Type.Optional(Type.String()),
  run: Type.Optional(
    Type.Object({
      id: Type.String(),
      state: word(RUN_STATES),
      wrote: Type.Boolean(),
      outcome: Type.Optional(word(OUTCOMES)),
      reason: Type.Optional(word(REASONS)),
      sentence: Type.Optional(text('What the reason, or the outcome, means.')),
      detail: Type.Optional(Type.String())
    })
  ),
  result: Type.Optional(word(DEPLOY_GUARD_RESULTS)),
  sentence: Type.Optional(text('What the result means.')),
  detail: Type.Optional(text('The sentence that goes with the result.')),
  endedAt: Type.Optional(instant())
})

export type GuardView = ViewOf<typeof GuardSchema>

const time = (at: number): string => new Date(at).toISOString()

/** A guard as the API shows it: times in RFC 3339, durations and tolerances as people write them. */
export function guardView(guard: DeployGuard): GuardView {
  return {
    id: guard.id,
    target: targetKey(guard.target),
    by: guard.by,
    createdAt: time(guard.createdAt),
    state: guard.state,
    options: optionsView(guard.options),
    change: { ...guard.change },
    entry: guard.entry === undefined ? undefined : { name: guard.entry.name, mode: guard.entry.mode },
    version: guard.version === undefined ? undefined : versionView(guard.version),
    said: [...guard.said],
    standing: guard.standing === undefined ? undefined : standingView(guard.standing),
    reported: guard.reported?.map(one => ({ ...one, at: time(one.at) })),
    failing: guard.failing,
    awaits: guard.awaits,
    run: guard.run === undefined ? undefined : runView(guard.run),
    result: guard.result,
    sentence: guard.result === undefined ? undefined : DEPLOY_GUARD_RESULTS[guard.result],
    detail: guard.detail,
    endedAt: guard.endedAt === undefined ? undefined : time(guard.endedAt)
  }
}

function optionsView(options: DeployGuardOptions): GuardView['options'] {
  const { soak, timeout, warmUp, tolerated, objective, metrics, ...rest } = options
  return {
    for: formatDuration(soak),
    timeout: formatDuration(timeout),
    warmUp: warmUp === undefined ? undefined : formatDuration(warmUp),
    tolerate: tolerated === undefined ? undefined : formatMargin(tolerated),
    objective: objective === undefined ? undefined : formatObjective(objective),
    metrics: [...metrics],
    revision: rest.revision,
    image: rest.image,
    baseline: rest.baseline,
    onFail: rest.onFail,
    dryRun: rest.dryRun,
    pods: rest.pods
  }
}

function versionView({ identity, revision, images, changedAt, replaces }: JudgedVersion): GuardView['version'] {
  return {
    identity,
    revision,
    images: [...images],
    changedAt: time(changedAt),
    replaces: replaces === undefined ? undefined : { ...replaces, images: [...replaces.images] }
  }
}

function standingView(standing: GuardStanding): GuardView['standing'] {
  return {
    ...standing,
    parts: standing.parts.map(part => ({ ...part, old: { ...part.old }, new: { ...part.new } })),
    notes: [...standing.notes],
    text: [...standing.text]
  }
}

function runView(run: GuardRun): GuardView['run'] {
  const sentence = run.reason === undefined ? (run.outcome === undefined ? undefined : OUTCOMES[run.outcome]) : REASONS[run.reason].sentence
  return { ...run, sentence }
}
