import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { type Bench, openBench } from '../../support/bench.ts'
import { NOON } from '../../support/workloads.ts'

/** Somebody deployed after the symptom began, so that Astern keeps its hands off. */
async function waiting(t: Parameters<typeof openBench>[0]): Promise<Bench> {
  const bench = await openBench(t)
  bench.since = NOON - 11 * MINUTE
  await bench.fire()
  await bench.look()
  return bench
}

t.test('a run whose time is up tells what it waited for all the time, and not only what the last look lacked', async t => {
  // Given a run that keeps its hands off for a quarter of an hour, and numbers that are gone at the end.
  const bench = await waiting(t)
  await bench.pass(15 * MINUTE)
  t.equal((await bench.run()).reason, 'changed-since-symptom')
  bench.value = 'not-a-number'

  await bench.pass(5 * MINUTE)

  const run = await bench.run()
  t.same([run.outcome, run.reason], ['timed-out', 'inconclusive'])
  t.match(run.detail, /^inconclusive: .+; before, it waited 15m(?:\d+s)? for changed-since-symptom: .+/)
  const [message] = await bench.ledger.claimMessages(bench.clock.now(), bench.clock.now() + MINUTE, 10)
  t.match(message?.message.text, /before, it waited 15m/)
})

t.test('what it waited for from time to time is added up, and the two longest are told', async t => {
  const bench = await waiting(t)
  const silenced = { kind: 'known', silencedBy: ['s1'], inhibitedBy: [] } as const
  await bench.pass(4 * MINUTE)
  bench.alertState = silenced
  bench.value = 0.4
  bench.since = NOON
  await bench.pass(3 * MINUTE)
  bench.value = 'unreachable'
  await bench.pass(2 * MINUTE)
  bench.value = 0.4
  await bench.pass(3 * MINUTE)
  bench.value = 0.001
  await bench.pass(8 * MINUTE)

  const { reason, detail = '' } = await bench.run()
  t.equal(reason, 'symptom-not-confirmed')
  t.same(
    // A wait ends at the look that finds something else, and such a look takes its two samples.
    [...detail.matchAll(/it waited (\S+) for ([a-z-]+)/g)].map(([, time, why]) => [time, why]),
    [
      ['5m30s', 'silenced'],
      ['4m45s', 'changed-since-symptom']
    ]
  )
})

t.test('where it waited for one thing only, nothing is told twice', async t => {
  const bench = await waiting(t)
  await bench.pass(20 * MINUTE)
  const { outcome, detail } = await bench.run()
  t.equal(outcome, 'timed-out')
  t.notMatch(detail, /before/)
})

t.test('the time between an end and a return of the alert is no wait', async t => {
  const bench = await openBench(t)
  bench.value = 'not-a-number'
  await bench.fire()
  await bench.look()
  bench.clock.tick(3 * MINUTE)
  bench.value = 0.001
  await bench.resolve()
  await bench.look()
  t.equal((await bench.run()).outcome, 'resolved')
  bench.clock.tick(10 * MINUTE)
  await bench.fire()
  await bench.look()
  await bench.pass(10 * MINUTE)

  const { outcome, detail } = await bench.run()
  t.equal(outcome, 'timed-out')
  t.match(detail, /^symptom-not-confirmed: .+; before, it waited 3m(?:\d+s)? for inconclusive: /)
})
