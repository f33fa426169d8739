import { labelsIdentity } from '../base/hashes.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { audited, ofRun } from '../domain/audited.ts'
import type { DryRunAnswer, DryRunRequest, TraceEntry } from '../domain/dry-run.ts'
import type { Incident } from '../domain/incident.ts'
import type { Outcome } from '../domain/outcomes.ts'
import type { Policy } from '../domain/policy.ts'
import type { Refusal } from '../domain/reasons.ts'
import type { Run } from '../domain/run.ts'
import { firstRefusal } from './guard.ts'
import { decideLadder } from './ladder.ts'
import type { Ports } from './ports.ts'
import { targetOf } from './target.ts'
import { planFacts } from './told.ts'

/** A dry run that takes longer than this answers later (rules 8). */
export const ANSWER_WITHIN_MS = 20_000

export function samplingTime(policy: Policy): number {
  return Math.max(...policy.verify.map(query => (query.samples - 1) * query.every))
}

export function prepareDryRun(ports: Ports, request: DryRunRequest): Run {
  const now = ports.clock.now()
  const incident: Incident = {
    id: `dry-${ports.ids.next()}`,
    source: 'dry-run',
    identity: labelsIdentity(request.labels),
    labels: request.labels,
    annotations: request.annotations,
    startsAt: request.startsAt,
    episodeStartsAt: request.startsAt,
    openedAt: now,
    lastSeenAt: now,
    state: 'open',
    generatorUrl: '',
    externalUrl: '',
    ...(request.target === undefined ? {} : { request: { policy: request.policy.name, target: request.target, by: request.by } }),
    reopened: 0
  }
  const target = targetOf(request.policy, incident)
  return {
    id: ports.ids.next(),
    kind: 'dry-run',
    incident,
    policy: request.policy,
    ...(target.kind === 'target' ? { target: target.target } : {}),
    state: 'waiting',
    step: 0,
    createdAt: now,
    nextAt: now,
    wrote: false
  }
}

/** Walks the same road with the same code, and stops where the write would be. Holds no lock, spends no budget, tells nobody. */
export async function dryRun(ports: Ports, run: Run, by: string, signal: AbortSignal): Promise<DryRunAnswer> {
  const trace: TraceEntry[] = []
  const { run: onRung, passed, result } = await decideLadder(ports, run, trace, signal)
  let refusal: Refusal
  if (result.kind === 'stop') refusal = result.refusal
  else {
    const lowered = firstRefusal(ports.guards.last, result.value.guardInput)
    refusal =
      lowered === undefined
        ? { reason: 'mode-dry-run', detail: `would ${result.value.plan.summary}`, facts: planFacts(result.value) }
        : { ...lowered, facts: planFacts(result.value) }
  }
  const now = ports.clock.now()
  const outcome: Outcome = refusal.reason === 'mode-dry-run' || refusal.reason === 'switch-lowered' ? 'dry-run' : 'denied'
  const { reason, detail, facts = {} } = refusal
  const audit: AuditEntry[] = [
    audited.runStarted(
      { at: run.createdAt, runId: run.id },
      {
        policy: run.policy.name,
        mode: 'dry-run',
        by,
        labels: run.incident.labels,
        ...(run.target === undefined ? {} : { target: run.target })
      }
    ),
    audited.decision(ofRun(onRung, ports.clock.now()), {
      verdict: outcome === 'dry-run' ? 'would act' : 'hold',
      refusal: { reason, detail, facts },
      passed,
      trace
    }),
    audited.concluded({ at: now, runId: run.id }, { outcome, refusal: { reason, detail }, detail, wrote: false })
  ]
  await ports.ledger.saveDryRun({ ...run, state: 'ended', endedAt: now, outcome, reason, detail }, audit)
  return { id: run.id, outcome, reason, detail, stages: trace, facts }
}
