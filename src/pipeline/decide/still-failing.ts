import type { Refusal } from '../../domain/reasons.ts'
import type { PhasePorts } from '../ports.ts'
import { renderQueries, sampleRefusal } from './queries.ts'
import { type Considered, readRefusal } from './resolve.ts'
import { targetOf } from './target.ts'

/**
 * The reason to wait though the alert was reported as resolved: that is a claim, and whoever makes it must not end a real run. One
 * sample is taken.
 * @returns undefined where the queries do not fail any more, or there is nothing that could be asked
 */
export async function stillFailing(
  { cluster, verifier, recorder }: Pick<PhasePorts, 'cluster' | 'verifier' | 'recorder'>,
  { run, at }: Considered,
  signal: AbortSignal
): Promise<Refusal | undefined> {
  const resolved = targetOf(run.policy, run.trigger)
  if (resolved.kind === 'refused') return undefined
  const read = await cluster.read(resolved.target, signal)
  if (read.kind !== 'found') return read.kind === 'not-found' ? undefined : readRefusal(read)
  const rendered = renderQueries(run, read.workload)
  if (rendered.kind === 'refused') return undefined
  const sample = await verifier().sample(rendered.queries, at, signal)
  recorder.sampled(sample)
  switch (sample.verdict) {
    case 'fail': {
      const numbers = sample.queries.map(query => `${query.query}: ${query.value ?? query.verdict}`).join('; ')
      return { reason: 'resolve-unconfirmed', detail: numbers, facts: { sample } }
    }
    case 'error':
      return sampleRefusal(sample)
    // An alert also resolves with the series that it is about. Together with no number that fails, that is an end.
    case 'pass':
    case 'inconclusive':
      return undefined
  }
}
