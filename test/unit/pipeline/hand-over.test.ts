import t, { type Test } from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { HandedOver } from '../../../src/domain/hand-over.ts'
import { afterIntent, type Bench, openBench, policyOf } from '../../support/bench.ts'
import { ledgerFolder } from '../../support/open-ledger.ts'
import { badRollout, TARGET } from '../../support/workloads.ts'

const ADA = { by: 'Ada', via: 'slack', person: 'T0/UADA' } as const
const BOB = { by: 'Bob', via: 'slack', person: 'T0/UBOB' } as const

/** Somebody says “I’ve got this” of the newest run. */
async function take(bench: Bench, more: Partial<HandedOver> = {}, runId?: string) {
  const to: HandedOver = { ...ADA, at: bench.clock.now(), ...more }
  return bench.ledger.handOver({ runId: runId ?? (await bench.run()).id, to, channels: ['people', 'kubernetes-event'] })
}

/** A ladder of two rungs, so that there is something left to write after the first. */
const twoRungs = () =>
  policyOf({
    steps: [
      { action: 'rollout-restart', with: {}, confirm: { within: 5 * MINUTE, passes: 3, every: 30_000 } },
      { action: 'rollout-undo', with: {}, confirm: { within: 10 * MINUTE, passes: 3, every: 30_000 } }
    ]
  })

/** With notices of writes, so that an affair begins with the write. */
async function noticed(t: Test, policies = [policyOf()]): Promise<Bench> {
  const bench = await openBench(t, { policies })
  Object.assign(bench.ports, { channels: { takes: () => true, follows: () => false, standing: [] } })
  return bench
}

t.test('a run that waits ends at once when somebody has it, and nothing is written for its alert until that is over', async t => {
  const bench = await openBench(t)
  bench.value = 'no-data'
  await bench.fire()
  await bench.look()
  t.match(await bench.run(), { state: 'waiting', reason: 'inconclusive' })
  t.match(await take(bench), { kind: 'handed', again: false })
  await bench.look()
  t.match(
    await bench.run(),
    { state: 'ended', outcome: 'denied', reason: 'handed-over', handedOver: { by: 'Ada' } },
    'nothing is asked any more'
  )
  bench.value = 0.4
  await bench.fire()
  await bench.pass(30 * MINUTE)
  await bench.resolve()
  await bench.pass(MINUTE)
  await bench.fire()
  await bench.pass(30 * MINUTE)
  t.same(bench.cluster.writes, [], 'an alert that flaps is the same incident')
  t.match(await bench.audit('handed-over'), [
    { body: { by: 'Ada', via: 'slack', person: 'T0/UADA', stopsWatching: false, state: 'waiting' } }
  ])
  t.same(await bench.messages(), [], 'nobody is called: somebody has it')
})

t.test('a hand-over that comes between the intent and the write stops the write', async t => {
  const bench = await openBench(t)
  afterIntent(bench, () => take(bench))
  await bench.fire()
  await bench.look()
  t.same(bench.cluster.writes, [])
  t.match(await bench.run(), { state: 'ended', outcome: 'denied', reason: 'handed-over', wrote: false })
  t.match(await bench.audit('intent-withdrawn'), [{ body: { reason: 'handed-over', sends: 0 } }])
  t.equal((await bench.ledger.targetFacts(TARGET, [], 'x', bench.clock.now())).lockedBy, undefined, 'the target is free again')
})

t.test('a hand-over that comes after the last look and before the write stops it too: counting the send asks again', async t => {
  const bench = await openBench(t)
  const countSend = bench.ledger.countSend.bind(bench.ledger)
  Object.assign(bench.ledger, {
    countSend: async (...args: Parameters<typeof countSend>) => {
      await take(bench)
      return countSend(...args)
    }
  })
  await bench.fire()
  await bench.look()
  t.same(bench.cluster.writes, [])
  t.match(await bench.run(), { state: 'ended', reason: 'handed-over' })
})

t.test('a write that is in flight is observed to its end, and neither repeated nor followed by another rung', async t => {
  const bench = await noticed(t, [twoRungs()])
  Object.assign(bench.ports, {
    faults: { reach: (point: string) => (point === 'before-write' ? void pressed.push(take(bench)) : undefined) }
  })
  const pressed: Promise<unknown>[] = []
  await bench.fire()
  await bench.look()
  t.equal(pressed.length, 1, 'it was on its way')
  t.match(await Promise.all(pressed), [{ kind: 'handed' }])
  t.match(await bench.run(), { state: 'watching', wrote: true, handedOver: { by: 'Ada' } })
  await bench.pass(30 * MINUTE)
  t.equal(bench.cluster.writes.length, 1, 'one rung, and no other')
  t.match(await bench.run(), { state: 'ended', outcome: 'ineffective' })
  const now = bench.clock.now()
  const told = (await bench.ledger.claimMessages(now + MINUTE, now, 10)).map(({ message }) => message)
  t.match(
    told.map(message => [message.event, message.details['handedOver']]),
    [['acted', { by: 'Ada' }]],
    'the first; the others wait for it'
  )
})

t.test('a write whose answer was lost is not sent a second time once somebody has it', async t => {
  const bench = await openBench(t)
  bench.cluster.answers = [{ answer: { kind: 'unknown', detail: 'the connection broke' }, happens: false }]
  await bench.fire()
  await bench.look()
  t.match(await bench.run(), { state: 'executing' })
  await take(bench)
  await bench.pass(30 * MINUTE)
  t.equal(bench.cluster.writes.length, 1, 'sent once')
  t.match(await bench.run(), { state: 'ended', outcome: 'unknown' })
})

t.test('who takes over a run that watches is told how it ends, and a recovery is one', async t => {
  const bench = await noticed(t)
  await bench.fire()
  await bench.look()
  t.match(await bench.run(), { state: 'watching' })
  await take(bench)
  bench.value = 0.01
  await bench.pass(15 * MINUTE)
  t.match(await bench.run(), { state: 'ended', outcome: 'recovered' })
  t.match(await take(bench, BOB), { kind: 'taken', has: { by: 'Ada' } })
})

t.test('stop watching: the run ends at once, whether the write helped is not looked at, and nobody is paged', async t => {
  const bench = await noticed(t)
  await bench.fire()
  await bench.look()
  await take(bench, { stop: true })
  const before = bench.samples.length
  await bench.look()
  t.match(await bench.run(), { state: 'ended', outcome: 'unknown', detail: /Ada stopped the watch/ })
  t.equal(bench.samples.length, before)
  const events = new Set<string>()
  for (let now = bench.clock.now(); ; now += SECOND) {
    const due = await bench.ledger.claimMessages(now, now + MINUTE, 10)
    for (const queued of due) {
      events.add(queued.message.event)
      await bench.ledger.messageSent(queued, { kind: 'delivered' }, now, now)
    }
    if (due.length === 0) break
  }
  t.same([...events], ['acted', 'update'])
})

t.test('a double click is one answer; of two persons the second is told who has it', async t => {
  const bench = await openBench(t)
  bench.value = 'no-data'
  await bench.fire()
  await bench.look()
  const all = await Promise.all([take(bench), take(bench), take(bench, BOB)])
  t.match(all, [
    { kind: 'handed', again: false },
    { kind: 'handed', again: true },
    { kind: 'taken', has: { by: 'Ada' } }
  ])
  t.equal((await bench.audit('handed-over')).length, 1)
  t.match(await take(bench, {}, 'nobody'), { kind: 'no-such-run' })
})

t.test('nobody takes over what is over', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  bench.value = 0.01
  await bench.pass(15 * MINUTE)
  t.match(await take(bench), { kind: 'over', outcome: 'recovered' })
})

t.test('while somebody has an alert of the target, other alerts of it wait, and go on when that one is over', async t => {
  const other = policyOf({ name: 'other', match: ['alertname="Slow"'], escalate: { after: 120 * MINUTE, to: ['people'] } })
  const bench = await openBench(t, { policies: [policyOf(), other] })
  bench.value = 'no-data'
  await bench.fire()
  await bench.look()
  await take(bench)
  await bench.look()
  bench.value = 0.4
  bench.cluster.put(badRollout())
  const slow = { alertname: 'Slow', namespace: 'shop', deployment: 'api' }
  await bench.fire(slow)
  await bench.pass(5 * MINUTE)
  t.match(await bench.run(), { policy: { name: 'other' }, state: 'waiting', reason: 'in-hand' })
  t.same(bench.cluster.writes, [])
  await bench.resolve()
  await bench.pass(MINUTE)
  t.equal(bench.cluster.writes.length, 1)
})

t.test('a process that is killed right after the press loses nothing: the next one ends the run, and tells who has it', async t => {
  const folder = ledgerFolder(t)
  const first = await openBench(t, { folder })
  first.value = 'no-data'
  await first.fire()
  await first.look()
  t.match(await first.run(), { state: 'waiting' })
  t.match(await take(first), { kind: 'handed' })
  await first.ledger.close()

  const second = await openBench(t, { folder, now: first.clock.now() })
  await second.pass(30 * MINUTE)

  t.match(await second.run(), { state: 'ended', outcome: 'denied', reason: 'handed-over', handedOver: { by: 'Ada' } })
  t.same(second.cluster.writes, [])
  t.match(await second.audit('handed-over'), [{ body: { by: 'Ada' } }])
})

t.test('while a rollout moves that somebody has, nothing is written on its way either', async t => {
  const bench = await openBench(t)
  const mayWrite: boolean[] = []
  const actions = bench.ports.actions.map(action => ({
    ...action,
    watch: async (...[, , look]: Parameters<NonNullable<typeof action.watch>>) => {
      mayWrite.push(look.mayWrite)
      return { state: 'moving' as const, detail: 'a pod is stuck' }
    }
  }))
  Object.assign(bench.ports, { actions })
  await bench.fire()
  await bench.look()
  await take(bench)
  await bench.pass(10_000)
  t.equal(mayWrite[0], true)
  t.same([...new Set(mayWrite.slice(1))], [false])
})
