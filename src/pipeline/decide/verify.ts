import { samplingOf } from '../../domain/history.ts'
import type { Sample } from '../../domain/verdict.ts'
import type { DecidePorts } from '../ports.ts'
import { sampleRefusal } from './queries.ts'
import { next, type Stage, stop } from './stage.ts'
import type { Dated } from './symptom.ts'

/** A symptom that all samples of the policy confirm. */
export interface Verified extends Dated {
  readonly samples: readonly Sample[]
  /** When the newest deciding sample was taken, Astern's clock. */
  readonly sampledAt: number
}

/** Takes the other samples: every one must fail (rules 2). */
export function verifyStage(ports: DecidePorts): Stage<Dated, Verified> {
  return {
    name: 'verify',
    async run(input, signal) {
      const { queries, at } = input
      const samples: Sample[] = [input.first]
      // A guard looked as often as its proof needs.
      if (input.run.trigger.kind === 'guard') return next({ ...input, samples, sampledAt: at })
      const { samples: wanted, every } = samplingOf(queries)
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
      return next({ ...input, samples, sampledAt })
    }
  }
}
