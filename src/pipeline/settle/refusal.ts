import { audited, ofRun } from '../../domain/audited.ts'
import type { TraceEntry } from '../../domain/dry-run.ts'
import type { Outcome } from '../../domain/outcomes.ts'
import { dispositionOf, type Reason, type Refusal } from '../../domain/reasons.ts'
import { escalatesAt } from '../../domain/run.ts'
import type { Move, Pass } from '../pass.ts'
import { conclude, type Settled } from './ending.ts'
import { timeUp } from './time-up.ts'

/** What is saved beside a refusal: how it was decided, and what became of the intent. */
export interface Beside extends Settled {
  readonly trace?: readonly TraceEntry[]
  readonly releaseLock?: boolean
  /** This look confirmed the symptom. */
  readonly confirmed?: boolean
}

/** The reasons that concern one alert only. Another alert on the same target may do better, so who waits for them parks nobody. */
const OF_ITS_OWN_ALERT: readonly Reason[] = ['silenced', 'inhibited', 'alert-unconfirmed']

/** What a refusal does to a run: it waits or ends, as the disposition of the reason says. */
export async function refuse(pass: Pass, refusal: Refusal, beside: Beside = {}): Promise<Move> {
  const { ports, run } = pass
  const { trace = [], audit: before = [], intent, releaseLock, confirmed = false } = beside
  const now = ports.clock.now()
  const decision = audited.decision(ofRun(run, now), { verdict: 'hold', refusal, trace })
  const settled: Settled = { audit: [...before, decision], ...(intent === undefined ? {} : { intent }) }
  switch (dispositionOf(refusal.reason)) {
    case 'people':
      return conclude(pass, { outcome: 'denied', refusal, detail: refusal.detail }, settled)
    case 'end':
      // A run whose write did not help never ends quietly, whatever the mode is by now.
      if (run.wrote)
        return conclude(pass, { outcome: 'ineffective', refusal, detail: `the ladder goes no further: ${refusal.detail}` }, settled)
      return conclude(pass, { outcome: endOf(refusal), refusal, detail: refusal.detail }, settled)
    case 'wait': {
      const up = escalatesAt(run)
      if (now >= up) return timeUp(pass, refusal, settled)
      const known = refusal.until === undefined ? Number.POSITIVE_INFINITY : Math.max(now, refusal.until)
      // A refusal is audited only when its reason changes, or what holds the target up, because a run may wait for hours.
      const isKnown = run.reason === refusal.reason && (run.detail ?? '').includes(refusal.cause ?? '')
      const audit = isKnown ? before : [...before, decision]
      const held = refusal.reason === 'storm-looming' ? { heldSince: run.heldSince ?? now } : {}
      return {
        kind: 'move',
        to: 'waiting',
        again: Math.min(Math.max(Math.min(now + run.policy.recheck, known), now + (refusal.retryAfterMs ?? 0)), up),
        change: {
          reason: refusal.reason,
          detail: refusal.detail,
          confirmed: confirmed && !OF_ITS_OWN_ALERT.includes(refusal.reason),
          ...held
        },
        audit,
        ...(intent === undefined ? {} : { intent }),
        ...(releaseLock === undefined ? {} : { releaseLock })
      }
    }
  }
}

function endOf(refusal: Refusal): Outcome {
  if (refusal.reason === 'resolved') return 'resolved'
  return refusal.reason === 'mode-dry-run' ? 'dry-run' : 'denied'
}
