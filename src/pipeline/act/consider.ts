import { audited, ofRun } from '../../domain/audited.ts'
import { LOCAL } from '../../domain/credential.ts'
import type { PassedRung } from '../../domain/decision-facts.ts'
import type { TraceEntry } from '../../domain/dry-run.ts'
import { lockKeys, touchedKeys } from '../../domain/owner.ts'
import type { Refusal } from '../../domain/reasons.ts'
import { escalatesAt, type Run } from '../../domain/run.ts'
import { whatChanged } from '../../domain/told-change.ts'
import { overBecause, sentBy } from '../../domain/trigger.ts'
import { planFacts } from '../decide/decision-facts.ts'
import { firstRefusal } from '../decide/guard.ts'
import { type Decided, decideLadder } from '../decide/ladder.ts'
import type { Learned } from '../decide/learned.ts'
import type { Planned } from '../decide/plan.ts'
import { stillFailing } from '../decide/still-failing.ts'
import type { Intend, Move, Next, Pass } from '../pass.ts'
import { configuredPermission, decidePorts } from '../ports.ts'
import { conclude } from '../settle/ending.ts'
import { refuse } from '../settle/refusal.ts'
import { timeUp } from '../settle/time-up.ts'
import { handedOver } from './handed-over.ts'

/** A waiting run: is it over, is its time up, and what is decided about it now? */
export async function consider(pass: Pass): Promise<Next> {
  const { ports, run, signal } = pass
  const at = ports.clock.now()
  // Anybody who reached the port may have sent it, and then the ceiling was not higher than dry-run.
  if (ports.senders.authenticated && sentBy(run.trigger) === LOCAL)
    return refuse(pass, { reason: 'sent-without-tokens', detail: 'post it again, with a token' })
  if (run.handedOver !== undefined) return refuse(pass, handedOver(run.handedOver))
  const gone = overBecause(run.trigger)
  if (gone !== undefined && !run.wrote) {
    const failing = await stillFailing(decidePorts(ports), { run, at }, signal)
    if (failing === undefined) return conclude(pass, { outcome: 'resolved', refusal: { reason: 'resolved', detail: gone }, detail: gone })
    return refuse(pass, run.parkedBy === undefined ? failing : parked(run))
  }
  if (at >= escalatesAt(run)) return timeUp(pass, waitsFor(run))
  // Between two rungs an alert that goes away may only flap. It is no proof of recovery (rules 5), and nothing is written meanwhile.
  if (gone !== undefined) return refuse(pass, { reason: 'symptom-not-confirmed', detail: gone })
  if (run.parkedBy !== undefined) return refuse(pass, parked(run))
  const trace: TraceEntry[] = []
  const learned: Learned = {}
  const decided = await decideLadder({ ports: decidePorts(ports), trace, learned, signal }, { run, at })
  const onRung: Pass = { ...pass, run: { ...decided.run, ...symptomIn(learned) } }
  const next = await afterDeciding(onRung, decided, trace, learned)
  return next.kind === 'move' ? withLearned(next, learned) : next
}

/** What the last look left it waiting for; undefined where there was none. */
function waitsFor({ reason, detail = '' }: Run): Refusal | undefined {
  return reason === undefined ? undefined : { reason, detail }
}

function parked({ detail, parkedBy = '' }: Run): Refusal {
  return { reason: 'target-busy', detail: detail ?? `run ${parkedBy} works on the target` }
}

async function afterDeciding(
  pass: Pass,
  { result, passed }: Decided,
  trace: readonly TraceEntry[],
  learned: Learned
): Promise<Move | Intend> {
  if (result.kind === 'next') return act(pass, result.value, { trace, passed })
  const { refusal } = result
  // The conditions of a rung may hold a moment later. But once the run has written, a ladder without a due rung is used up.
  if (refusal.reason === 'no-step-applies' && pass.run.wrote)
    return conclude(pass, { outcome: 'ineffective', refusal, detail: refusal.detail })
  return refuse(pass, refusal, { trace, confirmed: confirmedBy(trace, learned) })
}

/** Whether a look showed the symptom, whatever stopped it after that: one sample failed, and none that followed passed. */
function confirmedBy(trace: readonly TraceEntry[], learned: Learned): boolean {
  return learned.symptom !== undefined && trace.findLast(entry => entry.stage === 'verify')?.stopped === undefined
}

/** Keeps what was measured, whatever was decided: a verified symptom counts for the storm brake and for what is proven. */
function withLearned(move: Move, learned: Learned): Move {
  const { looked } = learned
  return { ...move, ...(looked === undefined ? {} : { looked }), change: { ...move.change, ...symptomIn(learned) } }
}

function symptomIn({ symptom }: Learned): Pick<Learned, 'symptom'> {
  return symptom === undefined ? {} : { symptom }
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
  return refusal === undefined ? intend(pass, planned, trail) : refuse(pass, { ...refusal, facts }, { ...trail, confirmed: true })
}

function intend(pass: Pass, planned: Planned, { trace, passed }: Trail): Intend {
  const { ports, run } = pass
  const { plan } = planned
  const now = ports.clock.now()
  const id = ports.ids.next()
  const about = ofRun(run, now)
  const facts = planFacts(planned)
  const decision = audited.decision(about, { verdict: 'act', facts, passed, trace })
  const changed = whatChanged(facts)
  return {
    kind: 'intend',
    request: {
      id,
      step: run.step,
      plan: { ...plan, ...(changed === undefined ? {} : { changed }) },
      locks: [...lockKeys(planned.workload), ...touchedKeys(plan.touches ?? [], planned.guardInput.owners)],
      budgets: run.policy.guards.budgets,
      symptom: planned.guardInput.dating.symptom,
      now,
      audit: [decision, audited.intent(about, { id, plan })]
    },
    carried: { ...pass.carried, sampledAt: planned.sampledAt },
    otherwise: async refusal =>
      withLearned(await refuse(pass, refusal, { trace, confirmed: true }), { symptom: planned.guardInput.dating.symptom })
  }
}
