import type { PassedRung } from '../../domain/decision-facts.ts'
import type { Run } from '../../domain/run.ts'
import { type Deciding, decide, verifyOnly } from './decide.ts'
import { dueRung } from './due-rung.ts'
import { goesOn, type StoppedRung, toldOf } from './other-rung.ts'
import type { Planned } from './plan.ts'
import { type Considered, stepOf } from './resolve.ts'
import { type StageResult, type Stopped, stop } from './stage.ts'

/** What was decided, on which rung, and which rungs were passed over before it. */
export interface Decided {
  readonly run: Run
  readonly passed: readonly PassedRung[]
  readonly result: StageResult<Planned>
}

/**
 * Decides on the first rung that is due, from the run's present one on. It passes over a rung whose own conditions do not hold.
 * It also passes over a rung whose effect is there already while the verified symptom goes on, and over one of which a later rung
 * does the counterpart, unless that rung is the last.
 */
export async function decideLadder(deciding: Deciding, { run, at }: Considered): Promise<Decided> {
  const passed: PassedRung[] = []
  const stopped: StoppedRung[] = []
  for (let from = run; ; ) {
    const rung = await dueRung(deciding, { run: from, at })
    passed.push(...rung.passed)
    if (rung.kind === 'refused') return { run: rung.run, passed, result: stop(rung.refusal) }
    if (rung.kind === 'none') {
      // A rung that was passed over because its effect is there may be due a moment later.
      const lasting = rung.lasting && passed.length === rung.passed.length
      return { run, passed, result: await noneApplies(deciding, { run, at }, { passed, lasting }) }
    }
    const result = await decide(deciding, { run: rung.run, at })
    if (result.kind === 'next') return { run: rung.run, passed, result }
    const here: StoppedRung = { run: rung.run, refusal: result.refusal }
    if (!goesOn(deciding.ports, here)) {
      const told = toldOf(stopped, here)
      return { run: told.run, passed, result: stop(told.refusal) }
    }
    stopped.push(here)
    passed.push({ step: rung.run.step, action: stepOf(rung.run).action, why: result.refusal.detail })
    from = { ...rung.run, step: rung.run.step + 1 }
  }
}

/**
 * Stops where no rung applies. It verifies the symptom first, because people are told only of a real symptom. Where nothing changed in
 * the time that the rungs name, waiting changes nothing.
 */
async function noneApplies(
  deciding: Deciding,
  considered: Considered,
  { passed, lasting }: { readonly passed: readonly PassedRung[]; readonly lasting: boolean }
): Promise<Stopped> {
  const verified = await verifyOnly(deciding, considered)
  if (verified.kind === 'stop') return verified
  const reason = lasting ? 'no-recent-change' : 'no-step-applies'
  return stop({ reason, detail: passed.map(({ action, why }) => `${action}: ${why}`).join('; '), facts: { passed } })
}
