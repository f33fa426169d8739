import { type Static, Type } from 'typebox'
import { HOUR, MINUTE, SECOND } from '../base/clock.ts'
import { parseDuration } from '../base/duration.ts'
import {
  type ChangeClaim,
  type DeployGuardOptions,
  type DeployGuardRequest,
  GUARD_BASELINES,
  type GuardBaseline,
  POD_ROADS
} from '../domain/deploy-guard.ts'
import { GUARDED_KINDS } from '../domain/guard-entries.ts'
import { type Margin, parseMargin } from '../domain/margin.ts'
import { parseObjective } from '../domain/objective.ts'
import { HttpProblem } from '../http/http-problem.ts'

const closed = { additionalProperties: false }

/** What holds where a request does not say. Milliseconds; the judge's own defaults. */
const DEFAULT_SOAK = 5 * MINUTE
const DEFAULT_TIMEOUT = 10 * MINUTE
/** Counts of a longer watch would be too much to keep. */
const LONGEST = 4 * HOUR

const NAME = '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'
const duration = (description: string) => Type.Optional(Type.String({ minLength: 2, maxLength: 32, description }))
const claim = (description: string, maxLength = 200) => Type.Optional(Type.String({ minLength: 1, maxLength, description }))

export const GuardRequestSchema = Type.Object(
  {
    target: Type.Object(
      {
        kind: Type.Enum([...GUARDED_KINDS]),
        namespace: Type.String({ minLength: 1, maxLength: 63, pattern: NAME }),
        name: Type.String({ minLength: 1, maxLength: 253, pattern: NAME })
      },
      closed
    ),
    for: duration('No pass before this, such as 5m, which is the default.'),
    timeout: duration('Inconclusive after this; default 10m, at most 4h.'),
    warmUp: duration('How long the latency of a fresh pod does not count.'),
    baseline: Type.Optional(Type.Enum([...GUARD_BASELINES], { description: 'Default: concurrent; with an objective: objective.' })),
    tolerate: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'How much worse is tolerated, such as x1.2 + 0.05pp, which is the default.' })
    ),
    objective: Type.Optional(Type.String({ minLength: 1, maxLength: 16, description: 'How many requests may be bad, such as 0.1%.' })),
    metrics: Type.Optional(
      Type.Array(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), {
        maxItems: 8,
        uniqueItems: true,
        description: 'Names of metrics, such as http-error-ratio, and never PromQL. Empty: whatever is found.'
      })
    ),
    revision: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'Wait for this revision.' })),
    image: Type.Optional(
      Type.String({ pattern: '^\\S+$', minLength: 1, maxLength: 512, description: 'Wait for a version with this image.' })
    ),
    onFail: Type.Optional(Type.Enum(['rollback', 'report'], { description: 'Default: rollback.' })),
    dryRun: Type.Optional(Type.Boolean({ description: 'Decide everything, and write nothing.' })),
    pods: Type.Optional(Type.Enum([...POD_ROADS], { description: 'How pods are read; default: direct.' })),
    change: Type.Optional(
      Type.Object(
        { commit: claim('The commit.'), author: claim('Who wrote it.'), url: claim('Where the pipeline can be looked at.', 500) },
        closed
      )
    )
  },
  closed
)

/** What `POST /api/v1/guards` takes. */
export type GuardBody = Static<typeof GuardRequestSchema>
type Body = GuardBody

/** Makes the request that the guards take. @throws HttpProblem 422 with one sentence */
export function guardRequestOf(body: Body, by: string): DeployGuardRequest {
  const kind = GUARDED_KINDS.find(known => known === body.target.kind)
  if (kind === undefined) throw wrong(`target.kind must be one of ${GUARDED_KINDS.join(', ')}`)
  return { target: { ...body.target, kind }, by, options: optionsOf(body), change: changeOf(body.change ?? {}) }
}

function optionsOf(body: Body): DeployGuardOptions {
  const timeout = within(body.timeout, 'timeout', DEFAULT_TIMEOUT)
  if (timeout < SECOND) throw wrong(`timeout ${body.timeout}: at least 1s`)
  const soak = within(body.for, 'for', Math.min(DEFAULT_SOAK, timeout))
  if (soak > timeout) throw wrong(`for ${body.for} is longer than the timeout: a pass would come too late to count`)
  const warmUp = body.warmUp === undefined ? undefined : within(body.warmUp, 'warmUp', 0)
  const objective = objectiveOf(body.objective)
  const baseline = baselineOf(body)
  if (baseline === 'objective' && objective === undefined)
    throw wrong('baseline objective needs an objective: how many requests may be bad, such as 0.1%')
  const tolerated = marginOf(body.tolerate)
  return {
    soak,
    timeout,
    ...(warmUp === undefined ? {} : { warmUp }),
    baseline,
    ...(tolerated === undefined ? {} : { tolerated }),
    ...(objective === undefined ? {} : { objective }),
    metrics: body.metrics ?? [],
    ...(body.revision === undefined ? {} : { revision: body.revision }),
    ...(body.image === undefined ? {} : { image: body.image }),
    onFail: body.onFail === 'report' ? 'report' : 'rollback',
    dryRun: body.dryRun ?? false,
    pods: POD_ROADS.find(known => known === body.pods) ?? 'direct'
  }
}

function baselineOf(body: Body): GuardBaseline {
  return GUARD_BASELINES.find(known => known === body.baseline) ?? (body.objective === undefined ? 'concurrent' : 'objective')
}

function within(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise
  const ms = parseDuration(text)
  if (ms === undefined) throw wrong(`${name} must be a duration, such as 5m or 1h30m, and not ${JSON.stringify(text)}`)
  if (ms > LONGEST) throw wrong(`${name} ${text}: at most 4h`)
  return ms
}

function marginOf(text: string | undefined): Margin | undefined {
  if (text === undefined) return undefined
  const parsed = parseMargin(text)
  if (parsed.kind === 'wrong') throw wrong(`tolerate: ${parsed.problem}`)
  return parsed.margin
}

function objectiveOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const parsed = parseObjective(text)
  if (parsed.kind === 'wrong') throw wrong(`objective: ${parsed.problem}`)
  return parsed.share
}

function changeOf({ commit, author, url }: NonNullable<Body['change']>): ChangeClaim {
  if (url !== undefined && (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)))
    throw wrong('change.url must be an http or https URL')
  return {
    ...(commit === undefined ? {} : { commit }),
    ...(author === undefined ? {} : { author }),
    ...(url === undefined ? {} : { url })
  }
}

function wrong(detail: string): HttpProblem {
  return new HttpProblem(422, 'Not a guard', detail)
}
