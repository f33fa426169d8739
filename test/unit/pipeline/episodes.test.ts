import type { Test } from 'tap'
import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { createWorker } from '../../../src/pipeline/worker.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { badRollout, NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

/** An incident whose run ended with people told, because nothing was changed in time; the alert stays, and no `resolved` comes. */
async function told(t: Test, changedWithin = 60 * MINUTE) {
  const bench = await openBench(t, { policies: [policyOf({ changedWithin })] })
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 300 * HOUR), revisionOf(2, 'app:v2', NOON - 200 * HOUR)]))
  bench.since = NOON - 30 * MINUTE
  await bench.fire()
  await bench.look()
  t.equal((await bench.run()).reason, 'no-recent-change')
  const endedAt = (await bench.run()).endedAt ?? 0
  const runs = async (): Promise<number> => (await bench.ledger.runs({}, undefined, 10)).items.length
  return { bench, endedAt, runs, again: () => bench.fire(undefined, { startsAt: bench.clock.now() - SECOND }) }
}

t.test('a trouble of a day is one stretch, however few points tell of it: a restarted sender begins no new episode', async t => {
  const { bench, runs, again } = await told(t, 24 * HOUR)
  bench.since = NOON - 20 * HOUR
  bench.clock.tick(2 * HOUR)

  await again()
  await bench.look()

  t.equal(await runs(), 1)
  const other = await openBench(t, { policies: [policyOf({ changedWithin: 24 * HOUR })] })
  other.since = NOON - 20 * HOUR
  await other.fire()
  await other.look()
  const { symptom } = await other.run()
  t.ok(Math.abs((symptom?.since ?? 0) - other.since) <= (symptom?.resolution ?? 0), 'and it is dated as old as it is')
})

t.test('a hole in the data is no recovery: a Prometheus that was away names a later start for the same trouble', async t => {
  const { bench, endedAt, runs, again } = await told(t)
  const back = endedAt + 20 * MINUTE
  bench.past = at => (at > endedAt + MINUTE && at < back ? undefined : 'fail')
  bench.clock.tick(22 * MINUTE)

  await again()
  await bench.look()
  t.equal(await runs(), 1, 'people were told of it, and nothing shows that it ended')

  bench.past = at => (at > endedAt + MINUTE && at < back ? (at < endedAt + 5 * MINUTE ? 'pass' : undefined) : 'fail')
  bench.clock.tick(MINUTE)
  await again()
  await bench.look()
  t.equal(await runs(), 2, 'it passed for a while')
})

t.test('the alert comes a moment before its query fails: the next look finds the new episode', async t => {
  const { bench, endedAt, runs, again } = await told(t)
  bench.clock.tick(HOUR)
  const begins = bench.clock.now()
  bench.past = at => (at <= endedAt || at >= begins ? 'fail' : 'pass')
  bench.value = 0.001
  await again()
  await bench.look()
  t.equal(await runs(), 1)

  bench.clock.tick(2 * MINUTE)
  bench.value = 0.4
  await bench.look()

  t.equal(await runs(), 2)
})

t.test('an alert whose query never fails is asked about for as long as a run would wait, and no longer', async t => {
  const { bench, again } = await told(t)
  bench.clock.tick(HOUR)
  bench.value = 0.001
  await again()
  await bench.look()
  for (let passed = 0; passed < 20; passed += 1) {
    bench.clock.tick(MINUTE)
    await bench.look()
  }
  bench.samples.length = 0

  bench.clock.tick(MINUTE)
  await bench.look()

  t.equal(bench.samples.length, 0)
})

t.test('another later start that comes in while one is asked about is not forgotten with it', async t => {
  const { bench, again } = await told(t)
  bench.clock.tick(MINUTE)
  await again()
  const [asked] = await bench.ledger.laterStarts(bench.clock.now(), 10)
  if (asked === undefined) throw new Error('nothing is to be asked')
  bench.clock.tick(MINUTE)
  await again()

  await bench.ledger.sameEpisode(asked)

  t.match(await bench.ledger.laterStarts(bench.clock.now(), 10), [{ start: bench.clock.now() - SECOND }])
})

t.test('a source that does not answer about a later start holds up no run that is due', async t => {
  const { bench, again } = await told(t)
  bench.clock.tick(MINUTE)
  await again()
  bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: 'web' }, uid: 'uid-web' })
  bench.since = NOON - 5 * MINUTE
  await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'web' })
  const offset = bench.clock.now() - Date.now()
  const verifier = bench.ports.verifier()
  let answer: (() => void) | undefined
  let wrote: (() => void) | undefined
  const written = new Promise<void>(resolve => (wrote = resolve))
  bench.cluster.beforeWrite = () => wrote?.()
  const worker = createWorker(
    {
      ...bench.ports,
      clock: { now: () => Date.now() + offset, sleep: ms => systemClock.sleep(Math.min(ms, 20)) },
      verifier: () => verifier,
      cluster: Object.assign(Object.create(bench.cluster), {
        read: async (...args: Parameters<typeof bench.cluster.read>) => {
          if (args[0].name === 'api') await new Promise<void>(resolve => (answer = resolve))
          return bench.cluster.read(...args)
        }
      })
    },
    { owner: 'w', idleMs: 5 }
  )
  worker.start()
  t.teardown(async () => {
    answer?.()
    await worker.stop()
  })

  const tooLong = new Promise<void>((_, reject) => setTimeout(() => reject(new Error('the other run was held up')), 5_000).unref())
  const alive = setInterval(() => {}, 1_000)
  await Promise.race([written, tooLong]).finally(() => clearInterval(alive))

  t.ok(answer, 'the one about which nobody answers is still being asked about')
})

t.test('an alert that comes back in the very moment in which its run ends is not lost', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  await bench.fire()
  await bench.look()
  await bench.resolve()
  const save = bench.ledger.save.bind(bench.ledger)
  Object.assign(bench.ledger, {
    save: async (...args: Parameters<typeof save>) => {
      if (args[1].change.outcome === 'resolved') await bench.fire()
      return save(...args)
    }
  })
  bench.clock.tick(30 * SECOND)

  await bench.look()

  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'symptom-not-confirmed'])
  t.match(await bench.audit('run-reopened'), [{ runId: (await bench.run()).id }])
})
