import { samplingOf } from '../../domain/history.ts'
import type { Reason, Refusal } from '../../domain/reasons.ts'
import type { DecidePorts } from '../ports.ts'
import { renderQueries, sampleRefusal } from './queries.ts'
import { type Considered, readTarget } from './resolve.ts'
import { targetOf } from './target.ts'

/** There is no target, or it may not be read. */
const NOTHING_TO_ASK: ReadonlySet<Reason> = new Set(['target-not-found', 'namespace-not-allowed'])

/**
 * The reason to wait though the alert was reported as resolved: that is a claim, and whoever makes it must not end a real run. As
 * many samples are taken as for a verdict, because one that passes may be noise.
 * @returns undefined where the queries pass, or there is no target that they could be asked about
 */
export async function stillFailing(ports: DecidePorts, { run, at }: Considered, signal: AbortSignal): Promise<Refusal | undefined> {
  const resolved = targetOf(run.policy, run.trigger)
  if (resolved.kind === 'refused') return undefined
  const read = await readTarget(ports, { policy: run.policy, target: resolved.target }, signal)
  if (read.kind === 'stop') return NOTHING_TO_ASK.has(read.refusal.reason) ? undefined : read.refusal
  const { verifier, recorder, until } = ports
  const rendered = renderQueries(run, read.value)
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
