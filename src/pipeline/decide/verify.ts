import type { RenderedQuery } from '../../domain/ports/verifier.ts'
import type { Sample } from '../../domain/verdict.ts'
import type { DecidePorts } from '../ports.ts'
import { needsSuspect, renderQueries, sampleRefusal, windowsOverAt } from './queries.ts'
import type { Resolved } from './resolve.ts'
import { next, type Stage, stop } from './stage.ts'

/** A symptom that is confirmed by numbers which belong to the suspect. */
export interface Verified extends Resolved {
  readonly queries: readonly RenderedQuery[]
  readonly samples: readonly Sample[]
  /** When the newest deciding sample was taken, Astern's clock. */
  readonly sampledAt: number
}

/** Confirms the symptom: every sample must fail, and its window must lie after the suspect's rollout (rules 2). */
export function verifyStage(ports: DecidePorts): Stage<Resolved, Verified> {
  return {
    name: 'verify',
    async run(input, signal) {
      const { run, workload, guardInput, action, at } = input
      const rendered = renderQueries(run, workload)
      if (rendered.kind === 'refused') return stop(rendered.refusal)
      const { queries } = rendered
      // The rule does not hold for a stalled rollout: its old pods go on serving, so the numbers would never be the suspect's alone.
      if (needsSuspect(guardInput) && workload.rollout.state !== 'stalled') {
        if (workload.rollout.state === 'moving' && action.duringRollout !== true)
          return stop({ reason: 'rollout-moving', detail: workload.rollout.detail })
        const { completedAt } = workload.rollout
        const over = windowsOverAt(queries, workload, guardInput.clusterOffset)
        if (over !== undefined && at < over) {
          return stop({
            reason: 'window-not-over',
            detail: `until ${new Date(over).toISOString()}`,
            until: over,
            facts: completedAt === undefined ? {} : { completedAt }
          })
        }
      }
      const samples: Sample[] = []
      const wanted = Math.max(...queries.map(query => query.samples))
      const every = Math.max(...queries.map(query => query.every))
      let sampledAt = at
      while (samples.length < wanted) {
        sampledAt = at + samples.length * every
        await ports.until(sampledAt, signal)
        const sample = await ports.verifier().sample(queries, sampledAt, signal)
        ports.recorder.sampled(sample)
        const refusal = sampleRefusal(sample)
        if (refusal !== undefined) return stop(refusal)
        samples.push(sample)
      }
      ports.faults.reach('verified')
      return next({ ...input, queries, samples, sampledAt })
    }
  }
}
