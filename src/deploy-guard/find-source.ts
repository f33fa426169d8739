import type { GuardedPod } from '../domain/guarded-pod.ts'
import { type NumberSource, UNSAID, type Unsaid } from '../verification/sequential/counting/number-source.ts'
import type { Labels } from '../verification/sequential/counting/scrape.ts'
import { type ChosenMetric, chooseMetrics } from './choose-metrics.ts'
import { LOOKED_FOR } from './pod-metrics.ts'
import { CANNOT_WATCH, cannot, type PreparedAnswer } from './prepared-watch.ts'

export interface FoundSource {
  readonly kind: 'found'
  readonly source: NumberSource
  readonly labels: readonly Labels[]
  readonly metrics: readonly ChosenMetric[]
  /** The pods whose series these are. */
  readonly asked: readonly GuardedPod[]
  readonly said: readonly string[]
}

export interface SourceQuestion {
  readonly sources: readonly NumberSource[]
  readonly pods: readonly GuardedPod[]
  /** Names of metrics; empty: whatever is found. */
  readonly names: readonly string[]
  readonly probePaths: readonly string[]
}

/** The first source that has a series to count: of the old pods, else of the new. */
export async function findSource(
  question: SourceQuestion,
  signal: AbortSignal
): Promise<FoundSource | Exclude<PreparedAnswer, { kind: 'ready' }>> {
  const { sources, pods, names, probePaths } = question
  if (sources.length === 0)
    return cannot(
      'source-refused',
      'neither a Prometheus nor the pods may be asked',
      'configure sources.prometheus, or let the pods be read (--pods)'
    )
  const [old, fresh] = [pods.filter(({ version }) => version === 'old'), pods.filter(({ version }) => version === 'new')]
  const refusals: { readonly source: string; readonly because: Unsaid; readonly detail: string }[] = []
  const uncountable: { readonly source: string; readonly said: string; readonly named?: string }[] = []
  for (const source of sources)
    for (const asked of [old, fresh].filter(group => group.length > 0)) {
      const answer = await source.labels(asked, LOOKED_FOR, signal)
      if (answer.kind === 'unsaid') {
        refusals.push({ source: source.name, because: answer.because, detail: answer.detail })
        break
      }
      if (answer.value.length === 0) continue
      const chosen = chooseMetrics(answer.value, names, probePaths)
      if (chosen.kind === 'chosen') {
        const passed = [...refusals.map(refused), ...uncountable.map(one => `${one.source}: ${one.said}`)]
        const whose =
          asked === fresh && old.length > 0 ? ['the old version’s pods have no such series: there is nothing to compare with'] : []
        return { kind: 'found', source, labels: answer.value, metrics: chosen.metrics, asked, said: [...passed, ...whose] }
      }
      uncountable.push({ source: source.name, said: chosen.said, ...(chosen.named === undefined ? {} : { named: chosen.named }) })
    }
  const [first] = uncountable
  if (first !== undefined) {
    const detail = [...new Set(uncountable.map(one => `${one.source}: ${one.said}`))].join('; ')
    return first.named === undefined
      ? cannot('nothing-countable', detail, 'let the pods count requests in a metric of docs/canary.md, with a label of the status')
      : cannot(
          'metric-not-there',
          `${first.named}: ${detail}`,
          'leave the name away to judge by what is there, or let the pods have that metric'
        )
  }
  // A store that is away makes an answer partial: both mend themselves.
  const away = refusals.find(({ because }) => because === 'unreachable' || because === 'ambiguous')
  if (away !== undefined) return { kind: 'not-yet', awaits: `an answer of ${refused(away)}` }
  if (refusals.length === sources.length)
    return cannot(
      'source-refused',
      `${CANNOT_WATCH['source-refused']}: ${refusals.map(refused).join('; ')}`,
      'see docs/canary.md on where the numbers come from'
    )
  const among = sources.map(({ name }) => name).join(' or ')
  return { kind: 'not-yet', awaits: `a first series of any pod in ${among}${refusals.map(one => `; ${refused(one)}`).join('')}` }
}

function refused({ source, because, detail }: { readonly source: string; readonly because: Unsaid; readonly detail: string }): string {
  return `${source}: ${UNSAID[because]} (${detail})`
}
