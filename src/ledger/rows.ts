import { parseExactly } from '../base/exact-json.ts'
import type { HandedOver } from '../domain/hand-over.ts'
import type { Incident, IncidentState } from '../domain/incident.ts'
import { parseTargetKey } from '../domain/objects.ts'
import { MODES, OUTCOMES, type Outcome } from '../domain/outcomes.ts'
import { INTENT_STATES, type Intent, type Plan } from '../domain/plan.ts'
import type { Policy } from '../domain/policy.ts'
import { isReason, type Reason } from '../domain/reasons.ts'
import { type Progress, RUN_KINDS, RUN_STATES, type Run, type RunState } from '../domain/run.ts'
import type { Symptom } from '../domain/symptom.ts'
import type { Trigger } from '../domain/trigger.ts'
import type { IncidentRow, Tables } from './tables.ts'

const INCIDENT_STATES: readonly IncidentState[] = ['open', 'resolved', 'expired']

/** Parses a JSON column. The ledger wrote it itself, so it is trusted to have the type that was stored. */
export function stored<T>(json: string): T {
  return JSON.parse(json) as T
}

/** The same for a plan: it holds what is sent, and perhaps sent again after a crash, so its numbers come back as they were written. */
export function storedPlan(json: string): Plan {
  return parseExactly(json) as Plan
}

function oneOf<T extends string>(known: readonly T[], value: string, column: string): T {
  const found = known.find(candidate => candidate === value)
  if (found === undefined) throw new Error(`the ledger holds an unknown ${column}: ${JSON.stringify(value)}`)
  return found
}

export function toIncidentState(value: string): IncidentState {
  return oneOf(INCIDENT_STATES, value, 'incident state')
}

export function toRunState(value: string): RunState {
  return oneOf(RUN_STATES, value, 'run state')
}

export function toIncident(row: IncidentRow): Incident {
  return {
    id: row.id,
    source: row.source,
    identity: row.identity,
    labels: stored<Record<string, string>>(row.labels_json),
    annotations: stored<Record<string, string>>(row.annotations_json),
    startsAt: row.starts_at,
    episodeStartsAt: row.episode_starts_at,
    openedAt: row.opened_at,
    lastSeenAt: row.last_seen_at,
    ...(row.resolved_at === null ? {} : { resolvedAt: row.resolved_at }),
    state: toIncidentState(row.state),
    generatorUrl: row.generator_url,
    externalUrl: row.external_url,
    ...(row.told_at === null ? {} : { toldAt: row.told_at }),
    ...(row.verified_at === null ? {} : { verifiedAt: row.verified_at }),
    reopened: row.reopened
  }
}

export function toRun(row: Tables['runs'], trigger: Trigger): Run {
  const target = row.target_key === null ? undefined : parseTargetKey(row.target_key)
  const { outcome, reason } = outcomeOf(row)
  return {
    id: row.id,
    kind: oneOf(RUN_KINDS, row.kind, 'run kind'),
    trigger,
    policy: stored<Policy>(row.policy_json),
    ...(target === undefined ? {} : { target }),
    state: toRunState(row.state),
    step: row.step,
    createdAt: row.created_at,
    nextAt: row.next_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(reason === undefined ? {} : { reason }),
    ...(row.detail === null ? {} : { detail: row.detail }),
    wrote: row.wrote === 1,
    ceiling: oneOf(MODES, row.ceiling, 'mode'),
    ...(row.progress_json === null ? {} : { progress: stored<Progress>(row.progress_json) }),
    ...(row.parked_by === null ? {} : { parkedBy: row.parked_by }),
    ...(row.held_since === null ? {} : { heldSince: row.held_since }),
    ...(row.symptom_json === null ? {} : { symptom: stored<Symptom>(row.symptom_json) }),
    ...(row.handed_json === null ? {} : { handedOver: stored<HandedOver>(row.handed_json) })
  }
}

/** How a run ended, and why; each is absent where the row has none. @throws Error where a word is unknown */
export function outcomeOf({ outcome, reason }: Pick<Tables['runs'], 'outcome' | 'reason'>): {
  readonly outcome?: Outcome
  readonly reason?: Reason
} {
  if (outcome !== null && !isOutcome(outcome)) throw new Error(`the ledger holds an unknown outcome: ${JSON.stringify(outcome)}`)
  if (reason !== null && !isReason(reason)) throw new Error(`the ledger holds an unknown reason: ${JSON.stringify(reason)}`)
  return { ...(outcome === null ? {} : { outcome }), ...(reason === null ? {} : { reason }) }
}

function isOutcome(value: string): value is Outcome {
  return Object.hasOwn(OUTCOMES, value)
}

export function toIntent(row: Tables['intents']): Intent {
  return {
    id: row.id,
    runId: row.run_id,
    step: row.step,
    plan: storedPlan(row.plan_json),
    state: oneOf(INTENT_STATES, row.state, 'intent state'),
    createdAt: row.created_at,
    sends: row.sends,
    ...(row.left_identity === null ? {} : { left: row.left_identity })
  }
}

export function triggerFromJson(json: string): Trigger {
  return stored<Trigger>(json)
}

/** Cuts a list into slices, because SQLite takes at most 32,766 parameters in a statement. */
export function slices<T>(items: readonly T[], size = 500): T[][] {
  const all: T[][] = []
  for (let from = 0; from < items.length; from += size) all.push(items.slice(from, from + size))
  return all
}
