import type { ProxyQuery } from '../domain/guard-metrics.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import { isProxyMetric } from '../domain/named-metrics.ts'
import { renderPromql } from '../templates/promql.ts'
import { type Baseline, wrongNumbers } from '../verification/sequential/settings.ts'
import type { ProxyCounter } from '../verification/series/proxy-series.ts'
import type { NamedCounter } from './counted-metrics.ts'
import { knownPast } from './known-past.ts'
import { cannot, LAG_MS, LONGEST_BLOCK, type PreparedAnswer } from './prepared-watch.ts'
import { numbersOf, planned } from './watch-plan.ts'
import type { WatchQuestion } from './watch-question.ts'

/** Fixes everything that a watch of proxies rests on; or tells what is awaited, or why it can’t begin. */
export async function prepareProxies(question: WatchQuestion, baseline: Baseline, signal: AbortSignal): Promise<PreparedAnswer> {
  const { options, version, pods, target, proxies, asked } = question
  const names = options.metrics.filter(isProxyMetric)
  if (proxies === undefined)
    return cannot('source-refused', `${names.join(', ')} is read from a Prometheus, and none is configured`, 'configure sources.prometheus')
  const counters = names.flatMap(name => asked.proxies.filter(query => query.name === name)).map(query => counterOf(query, target))
  const measured = await proxies.interval(counters, signal)
  if (measured.kind === 'unsaid')
    return measured.because === 'unreachable' || measured.because === 'ambiguous'
      ? { kind: 'not-yet', awaits: `an answer of ${proxies.name}: ${measured.detail}` }
      : cannot('source-refused', `${proxies.name}: ${measured.detail}`, 'see docs/metrics.md on what the metric needs')
  if (measured.value === undefined)
    return { kind: 'not-yet', awaits: `two scrapes of ${counters.map(({ selector }) => selector).join(', ')}` }
  const intervalSeconds = Math.min(measured.value, LONGEST_BLOCK)
  const wrong = wrongNumbers({ ...numbersOf(options), blockSeconds: intervalSeconds })
  if (wrong.length > 0) return cannot('bad-numbers', wrong.join('; '), 'choose other values for --for and --timeout')
  const known = await knownPast(
    { source: proxies, counters, baseline, deployedAt: version.changedAt, intervalSeconds, target, pods: [] },
    signal
  )
  const named = counters.map(
    (counter): NamedCounter => ({ metric: 'errors', counter, prefix: counters.length === 1 ? '' : `${counter.metric} ` })
  )
  const settings = planned(question, baseline, { counters: named, parts: known.parts, intervalSeconds }, [
    `numbers: ${proxies.name}`,
    ...counters.map(
      ({ metric, selector, statusLabel, bad }) => `errors: ${metric}, the series ${selector}, bad where ${statusLabel} is ${bad}`
    ),
    `a proxy counts for all pods alike: what it counts is the new version’s once that serves alone, it is compared with ${WITH[baseline]}, and no error rate of the verdict is claimed to be proven`,
    ...known.said
  ])
  const aloneSince = pods.some(pod => pod.version === 'old') ? undefined : lastReady(pods)
  return {
    kind: 'ready',
    source: proxies,
    watch: {
      settings,
      source: proxies.name,
      probes: 'by-path',
      intervalSeconds,
      lagMs: LAG_MS,
      gone: [],
      proxies: aloneSince === undefined ? {} : { aloneSince }
    }
  }
}

const WITH = {
  before: 'what it counted before the deploy',
  objective: 'the objective',
  // Refused at the start; a watch that an older version began has its settings already.
  concurrent: 'nothing',
  'concurrent-and-before': 'nothing'
} as const satisfies Readonly<Record<Baseline, string>>

function counterOf({ name, selector, statusLabel, bad }: ProxyQuery, target: WatchQuestion['target']): ProxyCounter {
  const { kind, namespace, name: of } = target
  const rendered = renderPromql(selector, { labels: {}, annotations: {}, target: { kind, namespace, name: of } })
  if (rendered.kind !== 'text') throw new Error(`the selector of ${name} was not checked at load: ${rendered.name}`)
  return { kind: 'proxy-errors', metric: name, selector: rendered.text, statusLabel, bad }
}

/** When the last of the pods became Ready: the old version served until about then. */
function lastReady(pods: readonly GuardedPod[]): number | undefined {
  const ready = pods.flatMap(({ readyFrom }) => readyFrom ?? [])
  return ready.length === 0 ? undefined : Math.max(...ready)
}
