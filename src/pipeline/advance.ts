import { audited, ofRun } from '../domain/audited.ts'
import type { PassedRung } from '../domain/decision-facts.ts'
import type { TraceEntry } from '../domain/dry-run.ts'
import { lockKeys } from '../domain/owner.ts'
import type { Intent } from '../domain/plan.ts'
import { dispositionOf, type Refusal } from '../domain/reasons.ts'
import { type ClaimedRun, escalatesAt, type Run } from '../domain/run.ts'
import { conclude } from './conclude.ts'
import { confirm } from './confirm.ts'
import { execute, OBSERVE_AGAIN_MS } from './execute.ts'
import { firstRefusal } from './guard.ts'
import { decideLadder } from './ladder.ts'
import type { Planned } from './plan.ts'
import { configuredMode, type Ports } from './ports.ts'
import { planFacts } from './told.ts'

/** A failed precondition with the same template is planned again so often (rules 3). */
const REPLANS = 3

/** One pass over a claimed run: from where it stands, as far as it can go now. */
export async function advance(ports: Ports, claimed: ClaimedRun, signal: AbortSignal): Promise<void> {
  const { run, claim } = claimed
  if (run.kind !== 'live') throw new Error(`run ${run.id} is a dry run: it must never come where writes are made`)
  switch (run.state) {
    case 'ended':
      return
    case 'watching': {
      const intent = await intentFor(ports, run)
      return confirm(ports, run, claim, intent, signal)
    }
    case 'executing':
      return carryOut(ports, claimed, await intentFor(ports, run), undefined, 0, signal)
    case 'waiting':
      return consider(ports, claimed, 0, signal)
  }
}

async function intentFor(ports: Ports, run: Run): Promise<Intent> {
  const intent = await ports.ledger.intentOf(run.id, run.step)
  if (intent === undefined) throw new Error(`run ${run.id} is ${run.state} without an intent`)
  return intent
}

/** Decides, and acts on the decision. */
async function consider(ports: Ports, claimed: ClaimedRun, replans: number, signal: AbortSignal): Promise<void> {
  const { run } = claimed
  const gone = run.incident.state !== 'open'
  if (gone && !run.wrote) return resolvedBeforeWrite(ports, claimed)
  if (ports.clock.now() >= escalatesAt(run)) return timedOut(ports, claimed)
  // Between two rungs an alert that goes away may only flap: it is evidence, no proof (rules 5), and nothing is written meanwhile.
  if (gone) return refuse(ports, claimed, { reason: 'symptom-not-confirmed', detail: `the incident is ${run.incident.state}` }, [])
  const trace: TraceEntry[] = []
  const { run: onRung, passed, result } = await decideLadder(ports, run, trace, signal)
  const here: ClaimedRun = { claim: claimed.claim, run: onRung }
  if (result.kind === 'next') return act(ports, here, result.value, { trace, passed }, replans, signal)
  // The conditions of none may hold in a moment; but once something was written, the ladder is used up.
  const { refusal } = result
  if (refusal.reason === 'no-step-applies' && run.wrote)
    return conclude(ports, run, claimed.claim, { outcome: 'ineffective', refusal, detail: refusal.detail })
  return refuse(ports, here, refusal, trace)
}

interface Trail {
  readonly trace: readonly TraceEntry[]
  readonly passed: readonly PassedRung[]
}

/** Everything speaks for the write: only the mode and the switch are still asked. */
async function act(ports: Ports, claimed: ClaimedRun, planned: Planned, trail: Trail, replans: number, signal: AbortSignal): Promise<void> {
  const { run } = claimed
  const mode = configuredMode(ports, run)
  if (mode !== 'auto')
    return refuse(
      ports,
      claimed,
      { reason: mode === 'off' ? 'mode-off' : 'mode-dry-run', detail: `would ${planned.plan.summary}`, facts: planFacts(planned) },
      trail.trace
    )
  const last = firstRefusal(ports.guards.last, planned.guardInput)
  if (last !== undefined) return refuse(ports, claimed, { ...last, facts: planFacts(planned) }, trail.trace)
  return commit(ports, claimed, planned, trail, replans, signal)
}

async function resolvedBeforeWrite(ports: Ports, { run, claim }: ClaimedRun): Promise<void> {
  const detail = `the incident is ${run.incident.state}`
  return conclude(ports, run, claim, { outcome: 'resolved', refusal: { reason: 'resolved', detail }, detail })
}

async function timedOut(ports: Ports, { run, claim }: ClaimedRun): Promise<void> {
  const why = run.reason === undefined ? undefined : { reason: run.reason, detail: run.detail ?? '' }
  return conclude(ports, run, claim, {
    outcome: 'timed-out',
    ...(why === undefined ? {} : { refusal: why }),
    detail: why === undefined ? 'the time to act was up' : `${why.reason}: ${why.detail}`
  })
}

/** Lock, budget and intent, in one transaction; then the write. */
async function commit(
  ports: Ports,
  claimed: ClaimedRun,
  planned: Planned,
  { trace, passed }: Trail,
  replans: number,
  signal: AbortSignal
): Promise<void> {
  const { run, claim } = claimed
  const now = ports.clock.now()
  const id = ports.ids.next()
  const { plan } = planned
  const stored = await ports.ledger.claimIntent(claim, {
    id,
    step: run.step,
    plan,
    locks: lockKeys(planned.workload),
    budgets: run.policy.guards.budgets,
    now,
    audit: [
      audited.decision(ofRun(run, ports.clock.now()), { verdict: 'act', facts: planFacts(planned), passed, trace }),
      audited.intent(ofRun(run, now), { id, plan })
    ]
  })
  switch (stored.kind) {
    case 'lost':
      return
    case 'busy':
      return refuse(ports, claimed, { reason: 'target-busy', detail: `run ${stored.by} works on the target` }, trace)
    case 'budget':
      return refuse(
        ports,
        claimed,
        { reason: 'budget-used-up', detail: `${stored.used} of ${stored.budget.limit} writes (${stored.budget.scope})` },
        trace
      )
    case 'exists':
      throw new Error(`run ${run.id} wanted to write step ${run.step} a second time`)
    case 'stored':
      ports.faults.reach('intent-stored')
      return carryOut(ports, { run: { ...run, state: 'executing' }, claim }, stored.intent, planned.sampledAt, replans, signal)
  }
}

async function carryOut(
  ports: Ports,
  claimed: ClaimedRun,
  intent: Intent,
  sampledAt: number | undefined,
  replans: number,
  signal: AbortSignal
): Promise<void> {
  const { run, claim } = claimed
  const done = await execute(ports, run, claim, intent, sampledAt, signal)
  const now = ports.clock.now()
  switch (done.kind) {
    case 'ended':
      return
    case 'written':
      return confirm(ports, done.run, claim, { ...intent, state: 'applied' }, signal)
    case 'pending':
      await ports.ledger.save(
        claim,
        { change: { state: 'executing', nextAt: now + OBSERVE_AGAIN_MS, detail: done.detail }, audit: [], release: true },
        now
      )
      return
    case 'refused':
    case 'replan': {
      const why = done.kind === 'refused' ? done.refusal : { reason: 'changed-since-symptom' as const, detail: done.detail }
      const saved = await ports.ledger.save(
        claim,
        {
          change: { state: 'waiting', nextAt: now },
          audit: [audited.intentWithdrawn(ofRun(run, now), { intent, refusal: why })],
          intent: { id: intent.id, state: 'withdrawn' },
          releaseLock: !run.wrote
        },
        now
      )
      if (!saved) return
      const waiting = { run: { ...run, state: 'waiting' as const }, claim }
      if (done.kind === 'refused') return refuse(ports, waiting, done.refusal, [])
      if (replans >= REPLANS)
        return conclude(ports, waiting.run, claim, {
          outcome: 'failed',
          detail: `the write failed its precondition ${REPLANS + 1} times with the same template: ${done.detail}`
        })
      return consider(ports, waiting, replans + 1, signal)
    }
  }
}

/** Waits, or ends, as the reason's disposition says. */
async function refuse(ports: Ports, claimed: ClaimedRun, refusal: Refusal, trace: readonly TraceEntry[]): Promise<void> {
  const { run, claim } = claimed
  const now = ports.clock.now()
  const audit = [audited.decision(ofRun(run, ports.clock.now()), { verdict: 'hold', refusal, trace })]
  switch (dispositionOf(refusal.reason)) {
    case 'people':
      return conclude(ports, run, claim, { outcome: 'denied', refusal, detail: refusal.detail }, { audit })
    case 'end':
      // What was written and did not help is never ended quietly, whatever the mode is by now.
      if (run.wrote)
        return conclude(
          ports,
          run,
          claim,
          { outcome: 'ineffective', refusal, detail: `the ladder goes no further: ${refusal.detail}` },
          { audit }
        )
      return conclude(ports, run, claim, { outcome: endOf(refusal), refusal, detail: refusal.detail }, { audit })
    case 'wait': {
      const up = escalatesAt(run)
      if (now >= up)
        return conclude(ports, run, claim, { outcome: 'timed-out', refusal, detail: `${refusal.reason}: ${refusal.detail}` }, { audit })
      const nextAt = Math.min(
        now + run.policy.recheck,
        up,
        refusal.until === undefined ? Number.POSITIVE_INFINITY : Math.max(now, refusal.until)
      )
      // Audited when the reason changes: a run may wait for hours.
      const same = run.reason === refusal.reason
      await ports.ledger.save(
        claim,
        { change: { state: 'waiting', reason: refusal.reason, detail: refusal.detail, nextAt }, audit: same ? [] : audit, release: true },
        now
      )
      if (!same) ports.recorder.waiting(run, refusal.reason, refusal.detail)
    }
  }
}

function endOf(refusal: Refusal): 'resolved' | 'dry-run' | 'denied' {
  if (refusal.reason === 'resolved') return 'resolved'
  return refusal.reason === 'mode-dry-run' ? 'dry-run' : 'denied'
}
