import t, { type Test } from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { startedEntry } from '../../../src/domain/new-run.ts'
import type { Mode } from '../../../src/domain/outcomes.ts'
import type { Policy } from '../../../src/domain/policy.ts'
import type { Problem } from '../../../src/domain/verdict.ts'
import { requestedRun } from '../../../src/pipeline/decide/requested-run.ts'
import { type Bench, openBench, policyOf, sampleOf } from '../../support/bench.ts'
import { NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

const PARTS = [{ name: 'errors', promql: 'http_requests_total' }]

/** The policy that an entry of `guards:` makes: it has no queries. */
const ofEntry = (mode: Mode = 'auto'): Policy =>
  policyOf({ name: 'deploys', mode, match: [], verify: [], target: { ...TARGET } as Policy['target'] })

interface Story extends Bench {
  /** What the next block after the write says. */
  after: number | Problem
  begin(key?: string): Promise<void>
}

/** A guard that failed the newest revision while both versions serve. */
async function guardFailed(t: Test, mode: Mode = 'auto'): Promise<Story> {
  const bench = await openBench(t, { policies: [ofEntry(mode)] })
  const moving = workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(2, 'app:v2', NOON - 2 * MINUTE)])
  bench.cluster.put({ ...moving, rollout: { ...moving.rollout, state: 'moving', detail: '1 of 3 are updated' } })
  const judged = moving.identity
  const story: Story = Object.assign(bench, {
    after: 0,
    async begin(key = 'guard/uid/v2') {
      const trigger = { kind: 'guard', id: 'guard-1', by: 'ci', at: bench.clock.now(), target: TARGET } as const
      const run = requestedRun({ id: bench.ports.ids.next(), kind: 'live', policy: ofEntry(mode), trigger, ceiling: 'auto' })
      await bench.ledger.begin(run, key, [startedEntry(run)])
    }
  })
  bench.guarded = {
    verdict: async (_guard, { identity }, at) =>
      identity === judged
        ? {
            kind: 'stands',
            sample: sampleOf(0.4, at, PARTS),
            symptom: { since: NOON - 2 * MINUTE, orBefore: false, resolution: 15 * SECOND, queries: ['errors'], measuredAt: at },
            changedAt: NOON - 2 * MINUTE
          }
        : { kind: 'gone', refusal: { reason: 'changed-since-symptom', detail: 'another version' } },
    recovery: async (_guard, { to }) => sampleOf(story.after, to, PARTS)
  }
  return story
}

t.test('a guard’s failure is undone while its rollout still moves, and confirmed by three blocks', async t => {
  const story = await guardFailed(t)
  await story.begin()

  await story.look()
  t.equal(story.cluster.writes.length, 1, 'the rollout that moves is the suspect itself')
  t.equal((await story.run()).state, 'watching')
  await story.pass(5 * MINUTE)

  t.match(await story.run(), { outcome: 'recovered', trigger: { kind: 'guard', id: 'guard-1' } })
  t.equal((await story.audit('confirmation')).length, 3)
  t.equal(story.asked.length, 0, 'no query is asked: the guard has none')
})

t.test('two guards of one version, one write', async t => {
  const story = await guardFailed(t)
  await story.begin()
  await story.begin()
  await story.pass(MINUTE)
  t.equal(story.cluster.writes.length, 1)
  t.equal((await story.ledger.runs({}, undefined, 10)).items.length, 1)
})

t.test('a version that replaced the one that was judged is never written over', async t => {
  const story = await guardFailed(t)
  await story.begin()
  story.cluster.put(
    workloadOf([
      revisionOf(1, 'app:v1', NOON - 300 * MINUTE),
      revisionOf(2, 'app:v2', NOON - 2 * MINUTE),
      revisionOf(3, 'app:v3', NOON - SECOND)
    ])
  )
  await story.pass(MINUTE)
  t.match(await story.run(), { state: 'waiting', reason: 'changed-since-symptom' })
  t.equal(story.cluster.writes.length, 0)
})

t.test('the verdict is asked once more right before the write', async t => {
  const story = await guardFailed(t)
  const { verdict } = story.guarded
  let asked = 0
  story.guarded = {
    ...story.guarded,
    async verdict(...of) {
      asked += 1
      return asked === 1 ? verdict(...of) : { kind: 'gone', refusal: { reason: 'symptom-not-confirmed', detail: 'it passed meanwhile' } }
    }
  }
  await story.begin()
  await story.look()
  t.equal(asked, 2)
  t.equal(story.cluster.writes.length, 0)
  t.match(await story.run(), { state: 'waiting', reason: 'symptom-not-confirmed' })
})

t.test('a paused target is judged, and never written', async t => {
  const story = await guardFailed(t)
  const { rollout, ...paused } = workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(2, 'app:v2', NOON - 2 * MINUTE)])
  story.cluster.put({ ...paused, rollout, paused: true })
  await story.begin()
  await story.pass(MINUTE)
  t.match(await story.run(), { state: 'waiting', reason: 'target-paused' })
  t.equal(story.cluster.writes.length, 0)
})

t.test('an entry in dry run, or none any more, writes nothing', async t => {
  const dry = await guardFailed(t, 'dry-run')
  await dry.begin()
  await dry.pass(MINUTE)
  t.match(await dry.run(), { state: 'ended', reason: 'mode-dry-run' })

  const gone = await guardFailed(t)
  gone.policies = []
  await gone.begin()
  await gone.pass(MINUTE)
  t.match(await gone.run(), { state: 'ended', reason: 'mode-off' })
  t.equal(dry.cluster.writes.length + gone.cluster.writes.length, 0)
})

t.test('an undo that does not help calls people, and one that cannot be told proves nothing', async t => {
  const bad = await guardFailed(t)
  bad.after = 0.4
  await bad.begin()
  await bad.pass(25 * MINUTE)
  t.match(await bad.run(), { outcome: 'ineffective' })
  t.equal((await bad.messages()).length, 1)

  const silent = await guardFailed(t)
  silent.after = 'no-data'
  await silent.begin()
  await silent.pass(25 * MINUTE)
  t.match(await silent.run(), { outcome: 'unknown' })
})
