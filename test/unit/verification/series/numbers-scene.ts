import type { GuardedPod } from '../../../../src/domain/guarded-pod.ts'
import type { NumberSource, Said } from '../../../../src/verification/sequential/counting/number-source.ts'
import { prometheusNumbers } from '../../../../src/verification/series/prometheus-numbers.ts'
import { type Asked, type StoredSeries, seriesPrometheus } from '../../../support/series-prometheus.ts'
import { at, ERRORS } from '../sequential/scene.ts'

/** Generated names have no vowels. */
const SAFE_LETTERS: Readonly<Record<string, string>> = { a: 'b', b: 'c', c: 'd', d: 'f' }

/** A pod of the workload `api` in the namespace `shop`. */
export function guardedPod(uid: string, version: 'old' | 'new', more: Partial<GuardedPod> = {}): GuardedPod {
  const born = version === 'old' ? at(-86_400) : at(0)
  return {
    uid,
    name: `api-${version === 'old' ? '5d8c7b9f6d' : '7f6c5d8b9d'}-x2x4${SAFE_LETTERS[uid] ?? 'z'}`,
    namespace: 'shop',
    version,
    bornAt: born,
    readyFrom: born,
    restarts: 0,
    annotations: {},
    ports: [],
    probes: [],
    ...more
  }
}

/** The labels that Prometheus gives to what it scraped of a pod. */
export function targetLabels(pod: GuardedPod, more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { job: 'pods', instance: `${pod.ip ?? '10.0.0.1'}:8080`, namespace: pod.namespace, pod: pod.name, ...more }
}

/** A counter of requests of a pod by status, scraped every 15 s: `[seconds, value]`. */
export function counter(
  pod: GuardedPod,
  code: string,
  samples: readonly (readonly [seconds: number, value: number])[],
  more: Readonly<Record<string, string>> = {}
): StoredSeries {
  return {
    labels: { __name__: 'http_requests_total', code, ...targetLabels(pod, more) },
    samples: samples.map(([seconds, value]) => [at(seconds), value])
  }
}

export function up(pod: GuardedPod, seconds: readonly number[], more: Readonly<Record<string, string>> = {}, value = 1): StoredSeries {
  return { labels: { __name__: 'up', ...targetLabels(pod, more) }, samples: seconds.map(second => [at(second), value]) }
}

/** A source that reads these series, and what it asked. */
export function numbersOf(
  series: readonly StoredSeries[],
  now = at(60),
  clockOffset = 0
): { readonly source: NumberSource; readonly asked: readonly Asked[] } {
  const { ask, asked } = seriesPrometheus(() => series)
  return { source: prometheusNumbers({ ask, clockOffset: () => clockOffset, now: () => now }), asked }
}

export function soon(): AbortSignal {
  return AbortSignal.timeout(10_000)
}

/** What was said. @throws Error where nothing was */
export function told<Value>(said: Said<Value>): Value {
  if (said.kind === 'unsaid') throw new Error(`${said.because}: ${said.detail}`)
  return said.value
}

export const WANTED = { counters: [ERRORS], from: at(-60), to: at(60) } as const
