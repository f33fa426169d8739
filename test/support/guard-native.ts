import type { Test } from 'tap'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import type { PartCommand } from '../../src/sandbox/real-parts.ts'
import { startGuardPrometheus } from './guard-prometheus.ts'
import { tellGuard } from './guard-story.ts'

const EVERY = 15

/** Buckets of a quarter of an octave: the ninth ends at 0.25 s, and the first above it that is used at 1 s. */
const OFFSET = -9

interface Pushed {
  readonly pod: string
  readonly namespace: string
  /** Requests so far, the share that takes up to a second (the others up to 0.25 s), and the share that fails. */
  readonly requests: number
  readonly slow: number
  readonly bad: number
}

/** Native histograms that applications push by OTLP, without a scrape and without `up`: errors and latency come from the same series. */
export async function guardReadsPushedHistograms(t: Test, program: PartCommand): Promise<void> {
  const deployedAt = Math.floor(Date.now() / 1_000) * 1_000 - 500_000
  const prometheus = await startGuardPrometheus({ program, folder: t.testdir({}), flags: ['--web.enable-otlp-receiver'] })
  t.teardown(() => prometheus.stop())
  const scenes = [
    { namespace: 'alike', slow: 0.1, bad: 0.005 },
    { namespace: 'slower', slow: 0.3, bad: 0.005 },
    { namespace: 'failing', slow: 0.1, bad: 0.08 }
  ] as const
  const nameOf = (version: 'old' | 'new') => `api-${version === 'old' ? '5d8c7b9f6d' : '7f6c5d8b9d'}-x2x4z`
  for (let second = -1_845; second <= 495; second += EVERY) {
    const old = Math.round(((second + 1_845) / EVERY) * 1_500)
    const fresh = Math.round((second / EVERY) * 1_500)
    const points = scenes.flatMap(({ namespace, slow, bad }): readonly Pushed[] => [
      { pod: nameOf('old'), namespace, requests: old, slow: 0.1, bad: 0.005 },
      ...(fresh > 0 ? [{ pod: nameOf('new'), namespace, requests: fresh, slow, bad }] : [])
    ])
    await push(prometheus.url, deployedAt + second * 1_000, points)
  }
  for (const { namespace } of scenes) {
    const pod = (version: 'old' | 'new'): GuardedPod => {
      const born = deployedAt + (version === 'old' ? -86_400_000 : 1_000)
      const none = { restarts: 0, annotations: {}, ports: [], probes: [] }
      return { uid: version, name: nameOf(version), namespace, version, bornAt: born, readyFrom: born + 1_000, ...none }
    }
    const { standing, watch } = await tellGuard({
      source: prometheus.source(),
      deployedAt,
      namespace,
      options: { warmUp: 0 },
      pods: () => [pod('old'), pod('new')],
      now: Date.now,
      wait: async dueAt => (dueAt <= Date.now() ? 'go-on' : 'over')
    })
    t.equal(standing.kind, namespace === 'alike' ? 'pass' : 'fail', `${namespace}: ${standing.text.join('\n')}`)
    if (namespace !== 'alike') t.equal(standing.grounds.worst, namespace === 'slower' ? 'slower than 0.25 s' : 'errors')
    t.match(watch.settings.counting.counters, [
      { kind: 'http-errors', metric: 'http_server_request_duration_seconds_count', statusLabel: 'http_response_status_code' },
      { kind: 'latency', metric: 'http_server_request_duration_seconds', boundaries: [0.25] }
    ])
    t.equal(watch.settings.counting.blockSeconds, EVERY)
  }
}

async function push(url: string, at: number, points: readonly Pushed[]): Promise<void> {
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
  const dataPoints = points.flatMap(({ pod, namespace, requests, slow, bad }) => {
    const failed = Math.round(requests * bad)
    return [
      ['200', requests - failed],
      ['500', failed]
    ].map(([code = '', count = 0]) => {
      const late = Math.round(Number(count) * slow)
      return {
        attributes: [text('pod', pod), text('namespace', namespace), text('http.response.status_code', String(code))],
        timeUnixNano: `${at}000000`,
        count: String(count),
        sum: 1,
        scale: 2,
        zeroCount: '0',
        positive: { offset: OFFSET, bucketCounts: [Number(count) - late, 0, 0, 0, 0, 0, 0, 0, late].map(String) }
      }
    })
  })
  const metric = { name: 'http.server.request.duration', unit: 's', exponentialHistogram: { aggregationTemporality: 2, dataPoints } }
  const response = await fetch(`${url}/api/v1/otlp/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceMetrics: [{ resource: { attributes: [text('service.name', 'api')] }, scopeMetrics: [{ metrics: [metric] }] }]
    })
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
}
