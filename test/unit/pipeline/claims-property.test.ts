import fc from 'fast-check'
import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import type { Alert } from '../../../src/domain/incident.ts'
import type { Run } from '../../../src/domain/run.ts'
import type { Verdict } from '../../../src/domain/verdict.ts'
import type { Workload } from '../../../src/domain/workload.ts'
import { decideLadder } from '../../../src/pipeline/decide/ladder.ts'
import { requestedRun } from '../../../src/pipeline/decide/requested-run.ts'
import { decidePorts } from '../../../src/pipeline/ports.ts'
import { type Bench, openBench, pointsOf, policyOf, sampleOf } from '../../support/bench.ts'
import { NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

/** What really happened to a target, in minutes before noon: when its versions came, and when its queries failed. */
interface Truth {
  readonly versions: readonly number[]
  readonly failing: readonly { readonly began: number; readonly lasted: number }[]
}

const truths = fc.record({
  versions: fc.uniqueArray(fc.integer({ min: 3, max: 180 }), { minLength: 2, maxLength: 4 }),
  failing: fc.array(fc.record({ began: fc.integer({ min: 0, max: 200 }), lasted: fc.integer({ min: 1, max: 60 }) }), { maxLength: 4 })
})

/** A version of this hour or the last, and trouble that begins around noon. */
const troubles: fc.Arbitrary<Truth> = fc.record({
  versions: fc.uniqueArray(fc.integer({ min: 12, max: 90 }), { minLength: 2, maxLength: 3 }),
  failing: fc.array(fc.record({ began: fc.integer({ min: -8, max: 20 }), lasted: fc.integer({ min: 15, max: 60 }) }), {
    minLength: 1,
    maxLength: 2
  })
})

/** What a sender may say, whatever is true. */
const claims = fc.record({
  startsAt: fc.integer({ min: -24 * 60, max: 24 * 60 }).map(minutes => NOON + minutes * MINUTE),
  annotations: fc.dictionary(fc.constantFrom('summary', 'runbook', 'startsAt', 'changedAt'), fc.string({ maxLength: 12 })),
  more: fc.dictionary(fc.constantFrom('severity', 'pod', 'x'), fc.string({ maxLength: 12 }))
})

const LABELS = { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api' }

function workloadWith({ versions }: Truth): Workload {
  const newestFirst = [...versions].sort((a, b) => b - a)
  return workloadOf(newestFirst.map((minutes, index) => revisionOf(index + 1, `app:v${index + 1}`, NOON - minutes * MINUTE)))
}

const verdictAt =
  ({ failing }: Truth) =>
  (at: number): Verdict =>
    failing.some(({ began, lasted }) => at >= NOON - began * MINUTE && at < NOON - (began - lasted) * MINUTE) ? 'fail' : 'pass'

/** What is decided at noon about an alert: the version that would be written, or the reason why none is. */
async function decided(bench: Bench, truth: Truth, alert: Pick<Alert, 'labels' | 'annotations' | 'startsAt'>): Promise<string> {
  const past = verdictAt(truth)
  const ports = {
    ...decidePorts(bench.ports),
    until: async () => {},
    verifier: () => ({
      sample: async (queries: Parameters<typeof sampleOf>[2], at: number) => sampleOf(past(at) === 'fail' ? 0.4 : 0.001, at, queries),
      history: async (_queries: unknown, span: Parameters<typeof pointsOf>[0]) => ({
        kind: 'points' as const,
        points: pointsOf(span, past)
      }),
      clockOffset: () => 0,
      clockUncertainty: () => 0
    }),
    ledger: NOTHING_KNOWN
  }
  bench.cluster.put(workloadWith(truth))
  const run: Run = requestedRun({
    id: 'r',
    kind: 'live',
    policy: policyOf(),
    ceiling: 'auto',
    trigger: { kind: 'request', id: 'q', by: 'ann', at: NOON, alert }
  })
  const { result } = await decideLadder({ ports, trace: [], learned: {}, signal: new AbortController().signal }, { run, at: NOON })
  return result.kind === 'next' ? `write ${result.value.plan.to}` : result.refusal.reason
}

const NOTHING_KNOWN = {
  targetFacts: async () => ({ bad: [], observed: [], incidents: [], ownWrites: [], passed: [], markers: [] }),
  switchState: async () => ({ mode: 'auto' as const, reason: '', by: '', at: 0 }),
  storm: async () => undefined,
  stormLooming: async () => undefined,
  budgetUse: async () => [],
  looks: async () => undefined
}

t.test('whatever is claimed of an alert, the same is decided as without: over ten thousand histories', { timeout: 300_000 }, async t => {
  const bench = await openBench(t)
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(truths, claims, async (truth, { startsAt, annotations, more }) => {
      const honest = await decided(bench, truth, { labels: LABELS, annotations: {}, startsAt: NOON })
      seen.set(honest.split(' ')[0] ?? '', (seen.get(honest.split(' ')[0] ?? '') ?? 0) + 1)
      return honest === (await decided(bench, truth, { labels: { ...more, ...LABELS }, annotations, startsAt }))
    }),
    { numRuns: 10_000, seed: 11 }
  )
  for (const one of ['write', 'no-recent-change', 'changed-since-symptom', 'no-good-revision', 'symptom-not-confirmed'])
    t.ok((seen.get(one) ?? 0) > 20, `${one}: ${seen.get(one)} of them`)
})

/** A delivery that anybody with a token may post, at some minute after noon. */
const forged = fc.record({
  minute: fc.integer({ min: 0, max: 15 }),
  target: fc.integer({ min: 0, max: 9 }),
  status: fc.constantFrom('firing', 'resolved'),
  source: fc.constantFrom('am', 'other'),
  startsAt: fc.integer({ min: -24 * 60, max: 24 * 60 }),
  endsAt: fc.integer({ min: -60, max: 60 }),
  more: fc.constantFrom({}, { x: 'y' }, { severity: 'page' })
})

type Forged = typeof forged extends fc.Arbitrary<infer One> ? One : never

/** Plays a quarter of an hour, minute by minute: alerts of what really fails, and between them whatever is claimed. @returns what was written */
async function played(t: Parameters<typeof openBench>[0], worlds: readonly Truth[], deliveries: readonly Forged[]) {
  const off = 1_000_000
  const guards = { ...policyOf().guards, budgets: [] }
  const bench = await openBench(t, {
    policies: [
      policyOf({ guards, verify: policyOf().verify.map(query => ({ ...query, promql: 'errors{deployment="{{ target.name }}"}' })) })
    ],
    storm: () => ({ targets: off, within: MINUTE, calm: MINUTE })
  })
  const name = (index: number): string => `api-${index}`
  for (const [index, truth] of worlds.entries())
    bench.cluster.put({ ...workloadWith(truth), ref: { ...TARGET, name: name(index) }, uid: `uid-${index}` })
  const pastOf = (promql: string) => {
    const truth = worlds[Number(/api-(\d+)/.exec(promql)?.[1])]
    return truth === undefined ? () => 'pass' as const : verdictAt(truth)
  }
  Object.assign(bench.ports, {
    verifier: () => ({
      sample: async (queries: Parameters<typeof sampleOf>[2], at: number) =>
        sampleOf(pastOf(queries[0]?.promql ?? '')(at) === 'fail' ? 0.4 : 0.001, at, queries),
      history: async (queries: readonly { readonly promql: string }[], span: Parameters<typeof pointsOf>[0]) => ({
        kind: 'points' as const,
        points: pointsOf(span, pastOf(queries[0]?.promql ?? ''))
      }),
      clockOffset: () => 0,
      clockUncertainty: () => 0
    })
  })
  for (let minute = 0; minute <= 15; minute += 1) {
    const now = NOON + minute * MINUTE
    bench.clock.tick(Math.max(0, now - bench.clock.now()))
    const labels = (index: number) => ({ ...LABELS, deployment: name(index) })
    for (const one of deliveries.filter(delivery => delivery.minute === minute)) {
      const claimed = {
        startsAt: now + one.startsAt * MINUTE,
        status: one.status,
        ...(one.status === 'resolved' ? { endsAt: now + one.endsAt * MINUTE } : {})
      }
      await bench.fire({ ...labels(one.target), ...one.more }, claimed, one.source)
    }
    for (const [index, truth] of worlds.entries()) if (verdictAt(truth)(now) === 'fail') await bench.fire(labels(index), { startsAt: now })
    await bench.look()
  }
  return new Set(bench.cluster.writes.map(write => `${write.target.name} → ${write.to}`))
}

t.test('no sequence of claims makes a write that the honest one would not make, or another one', { timeout: 300_000 }, async t => {
  let written = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(truths, troubles), { minLength: 10, maxLength: 10 }),
      fc.array(forged, { minLength: 5, maxLength: 40 }),
      async (worlds, deliveries) => {
        const honest = await played(t, worlds, [])
        const claimed = await played(t, worlds, deliveries)
        written += claimed.size
        return [...claimed].every(write => honest.has(write))
      }
    ),
    { numRuns: 6, seed: 12 }
  )
  t.ok(written > 5, `${written} writes in all`)
})
