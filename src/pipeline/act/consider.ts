import { audited, ofRun } from '../../domain/audited.ts'
import type { PassedRung } from '../../domain/decision-facts.ts'
import type { TraceEntry } from '../../domain/dry-run.ts'
import { lockKeys, touchedKeys } from '../../domain/owner.ts'
import { escalatesAt } from '../../domain/run.ts'
import { overBecause } from '../../domain/trigger.ts'
import { planFacts } from '../decide/decision-facts.ts'
import { firstRefusal } from '../decide/guard.ts'
import { type Decided, decideLadder } from '../decide/ladder.ts'
import type { Planned } from '../decide/plan.ts'
import type { Learned } from '../decide/symptom.ts'
import type { Intend, Move, Next, Pass } from '../pass.ts'
import { configuredPermission, decidePorts } from '../ports.ts'
import { conclude } from '../settle/ending.ts'
import { refuse } from '../settle/refusal.ts'

/** A waiting run: is it over, is its time up, and what is decided about it now? */
export async function consider(pass: Pass): Promise<Next> {
  const { ports, run, signal } = pass
  const at = ports.clock.now()
  const gone = overBecause(run.trigger)
  if (gone !== undefined && !run.wrote)
    return conclude(pass, { outcome: 'resolved', refusal: { reason: 'resolved', detail: gone }, detail: gone })
  if (at >= escalatesAt(run)) return timedOut(pass)
  // Between two rungs an alert that goes away may only flap. It is no proof of recovery (rules 5), and nothing is written meanwhile.
  if (gone !== undefined) return refuse(pass, { reason: 'symptom-not-confirmed', detail: gone })
  const counted = await countTarget(pass)
  if (counted !== undefined) return counted
  const trace: TraceEntry[] = []
  const learned: Learned = {}
  const decided = await decideLadder({ ports: decidePorts(ports), trace, learned, signal }, { run, at })
  const onRung: Pass = { ...pass, run: { ...decided.run, ...learned } }
  const next = await afterDeciding(onRung, decided, trace)
  return next.kind === 'move' ? withLearned(next, learned) : next
}

async function afterDeciding(pass: Pass, { result, passed }: Decided, trace: readonly TraceEntry[]): Promise<Move | Intend> {
  if (result.kind === 'next') return act(pass, result.value, { trace, passed })
  const { refusal } = result
  // The conditions of a rung may hold a moment later. But once the run has written, a ladder without a due rung is used up.
  if (refusal.reason === 'no-step-applies' && pass.run.wrote)
    return conclude(pass, { outcome: 'ineffective', refusal, detail: refusal.detail })
  return refuse(pass, refusal, { trace })
}

/** Keeps what was measured, whatever was decided: a verified symptom counts for the storm brake and for what is proven. */
function withLearned(move: Move, learned: Learned): Move {
  return { ...move, change: { ...move.change, ...learned } }
}

async function timedOut(pass: Pass): Promise<Move> {
  const { reason, detail = '' } = pass.run
  return reason === undefined
    ? conclude(pass, { outcome: 'timed-out', detail: 'the time to act was up' })
    : conclude(pass, { outcome: 'timed-out', refusal: { reason, detail }, detail: `${reason}: ${detail}` })
}

/** The uid of a target that could not be read at admission. The alert counts for the storm brake from now on, before any decision. */
async function countTarget({ ports, run, signal }: Pass): Promise<Move | undefined> {
  if (run.trigger.kind !== 'alert' || run.trigger.incident.targetUid !== undefined || run.target === undefined) return undefined
  const uid = await ports.cluster.uidOf(run.target, signal)
  if (uid === undefined) return undefined
  return { kind: 'move', to: 'waiting', again: 'at-once', audit: [], countsForStorm: uid }
}

/** How the decision was made, as the audit log keeps it. */
interface Trail {
  readonly trace: readonly TraceEntry[]
  readonly passed: readonly PassedRung[]
}

/** Asks the last question before an intent: what the run may do, by configuration and by the switch. */
async function act(pass: Pass, planned: Planned, trail: Trail): Promise<Move | Intend> {
  const { ports, run } = pass
  const facts = planFacts(planned)
  const permission = configuredPermission(ports, run)
  if (permission !== 'act') {
    const reason = permission === 'off' ? 'mode-off' : 'mode-dry-run'
    return refuse(pass, { reason, detail: `would ${planned.plan.summary}`, facts }, trail)
  }
  const refusal = firstRefusal(ports.guards.beforeIntent, planned.guardInput)
  return refusal === undefined ? intend(pass, planned, trail) : refuse(pass, { ...refusal, facts }, trail)
}

function intend(pass: Pass, planned: Planned, { trace, passed }: Trail): Intend {
  const { ports, run } = pass
  const { plan } = planned
  const now = ports.clock.now()
  const id = ports.ids.next()
  const about = ofRun(run, now)
  const decision = audited.decision(about, { verdict: 'act', facts: planFacts(planned), passed, trace })
  return {
    kind: 'intend',
    request: {
      id,
      step: run.step,
      plan,
      locks: [...lockKeys(planned.workload), ...touchedKeys(plan.touches ?? [], planned.guardInput.owners)],
      budgets: run.policy.guards.budgets,
      symptom: planned.guardInput.dating.symptom,
      now,
      audit: [decision, audited.intent(about, { id, plan })]
    },
    carried: { ...pass.carried, sampledAt: planned.sampledAt },
    otherwise: async refusal => withLearned(await refuse(pass, refusal, { trace }), { symptom: planned.guardInput.dating.symptom })
  }
}
