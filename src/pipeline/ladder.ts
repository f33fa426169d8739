import type { PassedRung } from '../domain/decision-facts.ts'
import type { TraceEntry } from '../domain/dry-run.ts'
import type { Run } from '../domain/run.ts'
import { decide, verifyOnly } from './decide.ts'
import type { Planned } from './plan.ts'
import type { Ports } from './ports.ts'
import { stepOf } from './resolve.ts'
import { type Step, stop } from './stage.ts'
import { dueRung } from './when.ts'

/** What was decided, on which rung, and which were passed over on the way to it. */
export interface Decided {
  readonly run: Run
  readonly passed: readonly PassedRung[]
  readonly result: Step<Planned>
}

/**
 * Decides on the first rung that is due, from where the run stands. One whose own conditions do not hold is passed over, and
 * so is one whose effect is there already while the symptom, verified, goes on; unless it is the last.
 */
export async function decideLadder(ports: Ports, run: Run, trace: TraceEntry[], signal: AbortSignal): Promise<Decided> {
  const passed: PassedRung[] = []
  for (let from = run; ; ) {
    const rung = await dueRung(ports, from, signal)
    passed.push(...rung.passed)
    if (rung.kind === 'refused') return { run: rung.run, passed, result: stop(rung.refusal) }
    if (rung.kind === 'none') return { run, passed, result: await noneApplies(ports, run, passed, trace, signal) }
    const result = await decide(ports, rung.run, trace, signal)
    const following = rung.run.policy.steps[rung.run.step + 1]
    if (result.kind === 'next' || result.refusal.reason !== 'already-so' || following === undefined)
      return { run: rung.run, passed, result }
    passed.push({ step: rung.run.step, action: stepOf(rung.run).action, why: result.refusal.detail })
    from = { ...rung.run, step: rung.run.step + 1 }
  }
}

/** People hear only of what is a symptom: whether it is comes first. */
async function noneApplies(
  ports: Ports,
  run: Run,
  passed: readonly PassedRung[],
  trace: TraceEntry[],
  signal: AbortSignal
): Promise<{ readonly kind: 'stop'; readonly refusal: Extract<Step<never>, { readonly kind: 'stop' }>['refusal'] }> {
  const verified = await verifyOnly(ports, run, trace, signal)
  if (verified.kind === 'stop') return verified
  return stop({ reason: 'no-step-applies', detail: passed.map(({ action, why }) => `${action}: ${why}`).join('; '), facts: { passed } })
}
