import { samplingOf } from '../../domain/history.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { DecidePorts } from '../ports.ts'
import { renderQueries, sampleRefusal } from './queries.ts'
import { type Considered, readRefusal } from './resolve.ts'
import { targetOf } from './target.ts'

/**
 * The reason to wait though the alert was reported as resolved: that is a claim, and whoever makes it must not end a real run. As
 * many samples are taken as for a verdict, because one that passes may be noise.
 * @returns undefined where the queries pass, or there is no target that they could be asked about
 */
export async function stillFailing(
  { cluster, verifier, recorder, until }: Pick<DecidePorts, 'cluster' | 'verifier' | 'recorder' | 'until'>,
  { run, at }: Considered,
  signal: AbortSignal
): Promise<Refusal | undefined> {
  const resolved = targetOf(run.policy, run.trigger)
  if (resolved.kind === 'refused') return undefined
  const read = await cluster.read(resolved.target, signal)
  if (read.kind !== 'found') return read.kind === 'not-found' ? undefined : readRefusal(read)
  const rendered = renderQueries(run, read.workload)
  if (rendered.kind === 'refused') return rendered.refusal.reason === 'inconclusive' ? rendered.refusal : undefined
  const { samples, every } = samplingOf(rendered.queries)
  for (let taken = 0; taken < samples; taken += 1) {
    const instant = at + taken * every
    await until(instant, signal)
    const sample = await verifier().sample(rendered.queries, instant, signal)
    recorder.sampled(sample)
    switch (sample.verdict) {
      case 'fail': {
        const numbers = sample.queries.map(query => `${query.query}: ${query.value ?? query.verdict}`).join('; ')
        return { reason: 'resolve-unconfirmed', detail: numbers, facts: { sample } }
      }
      // An alert also resolves with the series that it is about, and a service that is down altogether has none. No data is not good.
      case 'inconclusive':
      case 'error':
        return sampleRefusal(sample)
      case 'pass':
    }
  }
  return undefined
}
