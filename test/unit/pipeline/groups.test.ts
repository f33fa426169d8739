import t from 'tap'
import { HOUR, MINUTE } from '../../../src/base/clock.ts'
import type { Message } from '../../../src/domain/message.ts'
import { type Bench, openBench } from '../../support/bench.ts'
import { badRollout, NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

const labels = (shard: number, more = {}) => ({
  alertname: 'HighErrorRatio',
  namespace: 'shop',
  deployment: 'api',
  shard: String(shard),
  ...more
})

/** What waits to be sent on a channel. Nothing of it is sent. */
async function queued(bench: Bench, channel = 'people'): Promise<readonly Message[]> {
  const now = bench.clock.now()
  return (await bench.ledger.claimMessages(now + HOUR, now, 5_000)).map(one => one.message).filter(one => one.channel === channel)
}

/** A target that was not changed for long: every run on it ends at once, with people. */
async function benchWithoutChange(t: Parameters<typeof openBench>[0]): Promise<Bench> {
  const bench = await openBench(t)
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 900 * MINUTE), revisionOf(2, 'app:v2', NOON - 600 * MINUTE)]))
  return bench
}

t.test('two thousand alerts of one source on one target make one message with their number', async t => {
  const bench = await benchWithoutChange(t)
  for (let shard = 0; shard < 2_000; shard += 1) await bench.fire(labels(shard))
  await bench.pass(5 * MINUTE)
  for (const channel of ['people', 'kubernetes-event']) {
    const [message, ...more] = await queued(bench, channel)
    t.equal(more.length, 0, channel)
    t.match(message, { event: 'needs-people', title: /\(2000 alerts\)$/, text: /2000 × undo: denied \(no-recent-change\)/ })
    t.match(message?.details, { count: 2_000, endings: { 'undo: denied (no-recent-change)': 2_000 } })
  }
  // Each run's own record has everything, and says that being counted is being told.
  const told = await bench.audit('told')
  t.equal(told.length, 2_000)
  t.match(told.at(-1)?.body, { group: { source: 'am', target: 'Deployment/shop/api' } })
})

t.test('the first is told at once and as it is; those that follow update it', async t => {
  const bench = await benchWithoutChange(t)
  await bench.fire(labels(0))
  await bench.look()
  const [alone] = (await bench.ledger.claimMessages(bench.clock.now(), bench.clock.now(), 10)).filter(
    one => one.message.channel === 'people'
  )
  if (alone === undefined) throw new Error('nobody was told at once')
  t.equal(alone.message.title, 'Deployment/shop/api: HighErrorRatio: denied (no-recent-change)')
  t.equal(alone.message.details['count'], undefined)
  t.notMatch(alone.message, { group: String })
  await bench.ledger.messageSent(alone, { kind: 'delivered' }, 0, bench.clock.now())
  for (const shard of [1, 2]) await bench.fire(labels(shard))
  await bench.look()
  t.match(await queued(bench), [{ key: alone.message.key, subject: alone.message.subject, event: 'update', details: { count: 3 } }])
})

t.test('another target, another source, and an alert half an hour later have messages of their own', async t => {
  const bench = await benchWithoutChange(t)
  bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: 'web' }, uid: 'uid-web' })
  await bench.fire(labels(0))
  await bench.look()
  await bench.pass(29 * MINUTE)
  await bench.fire(labels(1))
  await bench.look()
  t.equal((await queued(bench)).length, 1)
  await bench.pass(2 * MINUTE)
  await bench.fire(labels(2))
  await bench.look()
  t.equal((await queued(bench)).length, 2, 'it counts from the first: nobody keeps a message open for ever')
  await bench.fire(labels(3, { deployment: 'gone' }))
  await bench.look()
  t.equal((await queued(bench)).length, 3)
})

t.test('a run that wrote has a message of its own', async t => {
  const bench = await openBench(t)
  await bench.fire(labels(0))
  await bench.pass(19 * MINUTE)
  t.equal((await bench.run()).outcome, 'ineffective')
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 900 * MINUTE), revisionOf(2, 'app:v2', NOON - 600 * MINUTE)]))
  await bench.fire(labels(1))
  await bench.look()
  t.equal((await queued(bench)).length, 2)
})
