import t from 'tap'
import type { Look, Scrape, SeenPod } from '../../../../src/verification/sequential/counting/scrape.ts'
import type { WatchState } from '../../../../src/verification/sequential/judge.ts'
import { standingOf } from '../../../../src/verification/sequential/standing.ts'
import { at, ERRORS, look, pod, QUIET, watched, watchOf } from './scene.ts'

const METRIC = 'http_request_duration_seconds'
const BOUNDARIES = [0.1, 0.5] as const
const latency = {
  metric: 'latency',
  counter: { kind: 'latency', metric: METRIC, boundaries: BOUNDARIES },
  parts: BOUNDARIES.map(boundary => ({ name: `slower than ${boundary} s`, dispersion: QUIET }))
} as const
const errors = { metric: 'errors', counter: ERRORS, parts: [{ name: 'errors', dispersion: QUIET }] } as const

const OLD = pod('a', 'old')
const NEW = pod('b', 'new')

/** A scrape of a histogram: requests so far, and how many of them were slower than each boundary. */
function histogram(uid: string, seconds: number, requests: number, slower: readonly number[]): Scrape {
  const series = (le: string, value: number) => ({ labels: { __name__: `${METRIC}_bucket`, le }, value })
  const buckets = slower.map((slow, index) => series(String(BOUNDARIES[index] ?? 0), requests - slow))
  const count = { labels: { __name__: 'http_requests_total', code: '200' }, value: requests }
  return { pod: uid, at: at(seconds), restarts: 0, series: [...buckets, series('+Inf', requests), count] }
}

/** Looks every 15 s; 100 requests a second each, of which some shares are slow, which for the new version depend on the time. */
function looks(seconds: number, slowNew: (from: number) => readonly number[], pods: readonly SeenPod[] = [OLD, NEW]): readonly Look[] {
  let slow = [0, 0]
  return Array.from({ length: seconds / 15 + 1 }, (_, index) => {
    const now = 15 * index
    const requests = 100 * now
    if (index > 0) slow = slow.map((before, which) => before + 1_500 * (slowNew(now - 15)[which] ?? 0))
    return look(now, pods, [
      histogram('a', now, requests, [0.1 * requests, 0.01 * requests]),
      histogram('b', now, requests, slow.map(Math.round))
    ])
  })
}

const seen = (state: WatchState, part: number) => state.parts[part]?.seen

t.test('a slower version fails by its buckets, after its warm-up; the boundary is named', async t => {
  const settings = watchOf({ metrics: [latency] })
  const state = watched(
    settings,
    looks(630, () => [0.1, 0.1])
  )
  t.equal(state.decision?.kind, 'fail')
  t.ok((state.decision?.at ?? 0) > at(75), 'not before it could be warm')
  t.ok((state.decision?.at ?? 0) <= at(75 + 45))
  t.match(standingOf(settings, state).text[0], /by its slower than 0.5 s: 10 % of/)
})

t.test('slow while it warms up, and as fast as the old one then: passed', async t => {
  const settings = watchOf({ metrics: [errors, latency] })
  const state = watched(
    settings,
    looks(330, from => (from < 75 ? [0.9, 0.7] : [0.1, 0.01]))
  )
  t.equal(state.decision?.kind, 'pass')
  t.same(seen(state, 0)?.new.requests, 30_000, 'errors have no warm-up')
  t.same(seen(state, 2)?.new, { requests: 100 * (300 - 75), bad: 100 * (300 - 75) * 0.01 })
})

t.test('each pod has a warm-up of its own, for a rollout takes its time', async t => {
  const settings = watchOf({ metrics: [latency], soakSeconds: 450 })
  const late = pod('b', 'new', { bornAt: at(190), readyFrom: at(195) })
  const state = watched(
    settings,
    looks(450, from => (from < 270 ? [0.9, 0.7] : [0.1, 0.01]), [OLD, late]).map(one =>
      one.at <= at(195) ? { ...one, scrapes: one.scrapes.slice(0, 1) } : one
    )
  )
  t.not(state.decision?.kind, 'fail')
  t.same(seen(state, 1)?.new.requests, 100 * (450 - 270))
  t.same(seen(state, 1)?.old.requests, 100 * (450 - 270), 'what the old version did meanwhile is compared with nothing')
})

t.test('a new version without such a bucket tells nothing: it can neither fail nor pass by it, and that is said', async t => {
  const settings = watchOf({ metrics: [errors, latency] })
  const without = looks(630, () => [0.1, 0.01]).map(one => ({
    ...one,
    scrapes: one.scrapes.map(two => (two.pod === 'b' ? { ...two, series: two.series.filter(({ labels }) => labels['le'] !== '0.5') } : two))
  }))
  const state = watched(settings, without)
  t.equal(state.decision?.kind, 'inconclusive')
  t.same(seen(state, 2)?.new, { requests: 0, bad: 0 })
  t.ok(standingOf(settings, state).grounds.notes.some(note => note.startsWith('slower than 0.5 s: the new version tells nothing of it')))
  const none = without.map(one => ({
    ...one,
    scrapes: one.scrapes.map(two =>
      two.pod === 'b' ? { ...two, series: two.series.filter(({ labels }) => labels['le'] === undefined) } : two
    )
  }))
  t.equal(watched(settings, none).decision?.kind, 'inconclusive', 'and without the histogram: having no slow requests is not shown')
})

t.test('a latency is judged with its own margins unless told otherwise', async t => {
  const [part] = watchOf({ metrics: [latency] }).parts
  t.same(part?.tolerated, { ratio: 1.25, add: 0.005 })
})
