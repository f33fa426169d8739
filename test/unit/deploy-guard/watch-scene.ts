import { prepareWatch } from '../../../src/deploy-guard/prepare-watch.ts'
import type { PreparedAnswer, PreparedWatch } from '../../../src/deploy-guard/prepared-watch.ts'
import type { WatchQuestion } from '../../../src/deploy-guard/watch-question.ts'
import type { DeployGuardOptions, JudgedVersion } from '../../../src/domain/deploy-guard.ts'
import { NO_GUARD_METRICS } from '../../../src/domain/guard-metrics.ts'
import type { GuardedPod } from '../../../src/domain/guarded-pod.ts'
import type { NumberSource } from '../../../src/verification/sequential/counting/number-source.ts'
import type { StoredSeries } from '../../support/series-prometheus.ts'
import { at, DEPLOY } from '../verification/sequential/scene.ts'
import { guardedPod, numbersOf, soon, targetLabels, up } from '../verification/series/numbers-scene.ts'

export const OLD = guardedPod('a', 'old')
export const NEW = guardedPod('b', 'new', { bornAt: at(2), readyFrom: at(4) })
export const BOTH: readonly GuardedPod[] = [OLD, NEW]

export const OPTIONS: DeployGuardOptions = {
  soak: 300_000,
  timeout: 600_000,
  baseline: 'concurrent',
  metrics: [],
  onFail: 'report',
  dryRun: false,
  pods: 'off'
}

export const VERSION: JudgedVersion = {
  uid: 'u',
  identity: 'new',
  images: ['api:2'],
  changedAt: DEPLOY,
  replaces: { identity: 'old', images: ['api:1'] }
}

/** A series that rises by so much with each scrape, every 15 s from one second to another. */
export function rising(
  pod: GuardedPod,
  labels: Readonly<Record<string, string>>,
  { each, from = -1_800, to = 0 }: { readonly each: number; readonly from?: number; readonly to?: number }
): StoredSeries {
  return {
    labels: { ...targetLabels(pod), ...labels },
    samples: Array.from({ length: Math.floor((to - from) / 15) + 1 }, (_, index) => [at(from + 15 * index), each * index])
  }
}

export const requests = (code: string): Readonly<Record<string, string>> => ({ __name__: 'http_requests_total', code, path: '/orders' })

/** Half an hour of an old pod with 100 requests a scrape, one of them bad. */
export const PAST: readonly StoredSeries[] = [
  rising(OLD, requests('200'), { each: 99 }),
  rising(OLD, requests('500'), { each: 1 }),
  up(
    OLD,
    Array.from({ length: 121 }, (_, index) => 15 * index - 1_800)
  )
]

/** Prepares a watch of these series, unless told otherwise. */
export function prepared(series: readonly StoredSeries[], more: Partial<WatchQuestion> = {}): Promise<PreparedAnswer> {
  const { source } = numbersOf(series, at(5))
  return prepareWatch(
    {
      target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
      version: VERSION,
      options: OPTIONS,
      pods: BOTH,
      sources: [source],
      proxies: undefined,
      asked: NO_GUARD_METRICS,
      learned: {},
      now: at(5),
      ...more
    },
    soon()
  )
}

/** The watch that is ready. @throws Error where it is not */
export async function ready(
  answer: Promise<PreparedAnswer>
): Promise<{ readonly watch: PreparedWatch; readonly source: Pick<NumberSource, 'scrapes'> }> {
  const found = await answer
  if (found.kind !== 'ready') throw new Error(JSON.stringify(found))
  return found
}
