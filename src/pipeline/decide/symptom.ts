import type { DatedInput } from '../../domain/guard.ts'
import type { RenderedQuery } from '../../domain/ports/verifier.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Symptom } from '../../domain/symptom.ts'
import type { Sample } from '../../domain/verdict.ts'
import type { DecidePorts } from '../ports.ts'
import { measureSymptom, orderChanges } from './dating.ts'
import { firstRefusal } from './guard.ts'
import { guardedSymptom } from './guarded.ts'
import type { Learned } from './learned.ts'
import { needsSuspect, renderQueries, sampleRefusal, windowsOverAt } from './queries.ts'
import type { Resolved } from './resolve.ts'
import { next, type Stage, type StageResult, stop } from './stage.ts'

/** A symptom that one sample shows, whose numbers belong to the suspect, and that is in order with the changes. */
export interface Dated extends Resolved {
  readonly guardInput: DatedInput
  readonly queries: readonly RenderedQuery[]
  readonly first: Sample
}

/** Takes one sample, and asks since when the symptom is there and what changed before it (rules 2). */
export function symptomStage(ports: DecidePorts, learned: Learned): Stage<Resolved, Dated> {
  return {
    name: 'symptom',
    async run(input, signal) {
      const { run, workload, guardInput } = input
      if (run.trigger.kind === 'guard') {
        const judged = await guardedSymptom(ports, run.trigger, input, signal)
        if (judged.kind === 'stop') return judged
        learned.symptom = judged.value.guardInput.dating.symptom
        return next({ ...judged.value, queries: [] })
      }
      const rendered = renderQueries(run, workload)
      if (rendered.kind === 'refused') return stop(rendered.refusal)
      const { queries } = rendered
      const tooEarly = notTheSuspects(ports, input, queries)
      if (tooEarly !== undefined) return stop(tooEarly)
      const first = await ports.verifier().sample(queries, input.at, signal)
      ports.recorder.sampled(first)
      const refusal = sampleRefusal(first)
      if (refusal !== undefined) return stop(refusal)
      const symptom = await symptomOf(ports, input, learned, signal)
      if (symptom.kind === 'stop') return symptom
      const dating = await orderChanges(ports, input, symptom.value, signal)
      if (dating.kind === 'stop') return dating
      return next({ ...input, guardInput: { ...guardInput, dating: dating.value }, queries, first })
    }
  }
}

/** Since when the symptom is there. It is asked once for each decision, however many rungs are looked at. */
export async function symptomOf(ports: DecidePorts, input: Resolved, learned: Learned, signal: AbortSignal): Promise<StageResult<Symptom>> {
  if (learned.symptom !== undefined) return next(learned.symptom)
  const measured = await measureSymptom(ports, { ...input, recoveredAt: input.guardInput.facts.recoveredAt }, signal)
  if (measured.kind === 'next') learned.symptom = measured.value
  return measured
}

/** The reason to wait until the numbers can only be the suspect's own; undefined where they are. */
function notTheSuspects(
  { guards }: DecidePorts,
  { workload, guardInput, at }: Resolved,
  queries: readonly RenderedQuery[]
): Refusal | undefined {
  // The rule does not hold for a stalled rollout: its old pods go on serving, so the numbers would never be the suspect's alone.
  if (!needsSuspect(guardInput) || workload.rollout.state === 'stalled') return undefined
  const moving = workload.rollout.state === 'moving' ? firstRefusal(guards.whileMoving, guardInput) : undefined
  if (moving !== undefined) return moving
  const { completedAt } = workload.rollout
  const over = windowsOverAt(queries, workload, guardInput.clusterOffset)
  if (over === undefined || at >= over) return undefined
  return {
    reason: 'window-not-over',
    detail: `until ${new Date(over).toISOString()}`,
    until: over,
    facts: completedAt === undefined ? {} : { completedAt }
  }
}
