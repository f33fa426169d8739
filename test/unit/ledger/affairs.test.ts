import t, { type Test } from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { Delivered, Fallback, Message, QueuedMessage } from '../../../src/domain/message.ts'
import type { Ledger } from '../../../src/domain/ports/ledger.ts'
import { OVER_AFTER_MS } from '../../../src/ledger/affair-turns.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { messageOf, withRun } from '../../support/ledger-fixture.ts'
import { openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

const NO_FALLBACK: ReadonlyMap<string, Fallback> = new Map()

/** A ledger with the run of an alert, which messages are saved with. */
async function scene(t: Test) {
  const ledger = await openLedger(t)
  const incident = await withRun(ledger)
  const [claimed] = await ledger.claimDue('one', NOON, 24 * 60 * MINUTE, 10)
  if (claimed === undefined) throw new Error('nothing was due')
  const tell = async (more: Partial<Message>, at = NOON) =>
    ledger.save(claimed.claim, { change: {}, audit: [], messages: [messageOf({ incidentId: incident.id, ...more })] }, at)
  const alert = (at: number, status: 'firing' | 'resolved', name = 'A') =>
    ledger.receive({
      ...deliveryOf([{ ...alertOf({ alertname: name }), status, ...(status === 'resolved' ? { endsAt: at } : {}) }]),
      receivedAt: at
    })
  return { ledger, incident, tell, alert }
}

async function claimed(ledger: Ledger, at: number): Promise<readonly QueuedMessage[]> {
  return ledger.claimMessages(at, at + MINUTE, 50)
}

/** Sends what is due, and answers with the keys. */
async function sendAll(ledger: Ledger, at: number, result: Delivered = { kind: 'delivered' }): Promise<readonly string[]> {
  const due = await claimed(ledger, at)
  for (const queued of due) await ledger.messageSent(queued, result, at + SECOND, at)
  return due.map(queued => queued.message.key)
}

t.test('one affair is told to a channel in order: what comes later waits until the earlier is delivered', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'first', event: 'acted' })
  await tell({ key: 'second', event: 'over' })
  await tell({ key: 'elsewhere', channel: 'others', event: 'over' })
  await tell({ key: 'another', subject: { kind: 'run', id: 'r2' } })
  const failed = { kind: 'failed', detail: '503' } as const
  t.same((await sendAll(ledger, NOON, failed)).toSorted(), ['another', 'elsewhere', 'first'], 'not the second of this affair')
  t.equal(await ledger.nextMessageAt(), NOON + SECOND, 'the one that waits is not due, so that nobody looks for it')
  t.same((await sendAll(ledger, NOON + SECOND)).toSorted(), ['another', 'elsewhere', 'first'])
  t.same(await sendAll(ledger, NOON + SECOND), ['second'])
})

t.test('what stands apart from the conversation holds up no call for people, and it goes on being sent', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'change', event: 'acted', apart: true })
  await tell({ key: 'page' })
  const due = await claimed(ledger, NOON)
  t.same(due.map(({ message }) => message.key).toSorted(), ['change', 'page'])
  for (const queued of due)
    await ledger.messageSent(
      queued,
      queued.message.key === 'page' ? { kind: 'delivered' } : { kind: 'failed', detail: '503' },
      NOON + SECOND,
      NOON
    )
  await tell({ key: 'over', event: 'over' })
  t.same((await sendAll(ledger, NOON + SECOND)).toSorted(), ['change', 'over'])
  t.notOk(
    due.some(({ message }) => 'apart' in message),
    'it is no part of what is sent'
  )
})

t.test('a refused message never blocks a later one, and a change of it is sent', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'first' })
  await tell({ key: 'second', event: 'over' })
  await sendAll(ledger, NOON, { kind: 'refused', detail: 'too long' })
  t.same(await sendAll(ledger, NOON), ['second'])
  await tell({ key: 'first', text: 'shorter' })
  t.same(await sendAll(ledger, NOON + MINUTE), ['first'], 'what was refused as it was may be taken as it is now')
  t.equal(await ledger.undelivered(), 0)
})

t.test('what a channel remembers of an affair comes with the next message of the affair, and with no other', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'first', event: 'acted' })
  await sendAll(ledger, NOON, { kind: 'delivered', remember: { ts: '1.2' } })
  await tell({ key: 'second', event: 'over' })
  await tell({ key: 'other', subject: { kind: 'run', id: 'r2' } })
  await tell({ key: 'elsewhere', channel: 'others' })
  const memories = (await claimed(ledger, NOON)).map(({ message, memory }) => [message.key, memory])
  t.same(Object.fromEntries(memories), { second: { ts: '1.2' }, other: undefined, elsewhere: undefined })
})

t.test('a channel that wants to be left alone is, with all of its messages; the others go on', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'first' })
  const [queued] = await claimed(ledger, NOON)
  if (queued === undefined) throw new Error('nothing was due')
  await ledger.messageSent(queued, { kind: 'failed', detail: '429', retryAfterMs: 30 * SECOND }, NOON + 30 * SECOND, NOON)
  await tell({ key: 'second', subject: { kind: 'run', id: 'r2' } })
  await tell({ key: 'elsewhere', channel: 'others' })
  t.same(await sendAll(ledger, NOON + 29 * SECOND), ['elsewhere'])
  t.same((await sendAll(ledger, NOON + 30 * SECOND)).toSorted(), ['first', 'second'])
})

t.test('a channel that only follows is told the end of what it was told before, and of nothing else', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'told' })
  await tell({ key: 'end', event: 'over', onlyWhereTold: true })
  await tell({ key: 'unheard', subject: { kind: 'run', id: 'r2' }, event: 'over', onlyWhereTold: true })
  t.same([...(await sendAll(ledger, NOON)), ...(await sendAll(ledger, NOON))], ['told', 'end'])
})

t.test('people hear that the alert is over once it stayed away, and one that flaps was never over', async t => {
  const { ledger, tell, alert } = await scene(t)
  await tell({ key: 'hand-over' })
  await sendAll(ledger, NOON)
  const away = NOON + 10 * MINUTE
  await alert(away, 'resolved')
  t.same(await sendAll(ledger, away + OVER_AFTER_MS - 1), [])
  await alert(away + OVER_AFTER_MS - 1, 'firing')
  t.same(await sendAll(ledger, away + OVER_AFTER_MS), [], 'it is back in time: nobody hears of it')
  const again = away + 20 * MINUTE
  await alert(again, 'resolved')
  const [over, ...more] = await claimed(ledger, again + OVER_AFTER_MS)
  t.match(over?.message, { event: 'over', severity: 'info', subject: { kind: 'run', id: 'r' }, details: { outcome: 'resolved' } })
  t.same(more, [])
  if (over === undefined) throw new Error('no message')
  await ledger.messageSent(over, { kind: 'delivered' }, again, again + OVER_AFTER_MS)
  await alert(again + 10 * MINUTE, 'firing')
  const [back] = await claimed(ledger, again + 10 * MINUTE)
  t.match(back?.message, { event: 'needs-people', text: /^The alert is back/ }, 'whoever closed the page is called again')
})

t.test('a call for people does not wait behind the news that the alert went away', async t => {
  const { ledger, tell, alert } = await scene(t)
  await tell({ key: 'hand-over' })
  await sendAll(ledger, NOON)
  const away = NOON + 10 * MINUTE
  await alert(away, 'resolved')
  await tell({ key: 'call', event: 'needs-people' }, away + SECOND)
  t.same(await sendAll(ledger, away + SECOND), ['call'])
  t.same(await sendAll(ledger, away + 2 * OVER_AFTER_MS), [], 'and it is not said to be over after that')
})

t.test('a loan is not over because its alert is', async t => {
  const { ledger, tell, alert } = await scene(t)
  await tell({ key: 'reminder', subject: { kind: 'loan', id: 'l' } })
  await sendAll(ledger, NOON)
  await alert(NOON + MINUTE, 'resolved')
  t.same(await sendAll(ledger, NOON + MINUTE + OVER_AFTER_MS), [])
})

t.test('an affair of several alerts is over when all of them are', async t => {
  const { ledger, tell, alert, incident } = await scene(t)
  await alert(NOON + 1, 'firing', 'B')
  const other = await ledger.receive({ ...deliveryOf([alertOf({ alertname: 'B' })]), receivedAt: NOON + 2 })
  await tell({ key: 'one', group: 'g', incidentId: incident.id })
  await tell({ key: 'two', group: 'g', incidentId: other[0]?.id ?? '' })
  await sendAll(ledger, NOON)
  await alert(NOON + MINUTE, 'resolved')
  t.same(await sendAll(ledger, NOON + 20 * MINUTE), [])
  await alert(NOON + 21 * MINUTE, 'resolved', 'B')
  t.equal((await sendAll(ledger, NOON + 27 * MINUTE)).length, 1)
  await tell({ key: 'three', group: 'g', incidentId: incident.id }, NOON + 28 * MINUTE)
  t.same(await sendAll(ledger, NOON + 28 * MINUTE), ['three'], 'a message whose affair is over takes no more alerts in')
})

t.test('another channel is told where one does not take a call for people in time, or refuses it', async t => {
  const { ledger, tell } = await scene(t)
  const fallbacks = new Map([['people', { to: 'pager', after: 5 * MINUTE }]])
  await tell({ key: 'slow' })
  await tell({ key: 'notice', event: 'acted', subject: { kind: 'run', id: 'r2' } })
  await sendAll(ledger, NOON, { kind: 'failed', detail: 'answered 503' })
  await ledger.tendMessages(fallbacks, NOON + 5 * MINUTE - 1)
  t.notOk((await claimed(ledger, NOON + 4 * MINUTE)).some(({ message }) => message.channel === 'pager'))
  await ledger.tendMessages(fallbacks, NOON + 5 * MINUTE)
  await ledger.tendMessages(fallbacks, NOON + 6 * MINUTE)
  const given = (await claimed(ledger, NOON + 6 * MINUTE)).filter(({ message }) => message.channel === 'pager')
  t.equal(given.length, 1, 'once, and no notice')
  t.match(given[0]?.message, {
    event: 'needs-people',
    details: { insteadOf: 'people' },
    text: /channel people does not take it: answered 503/
  })
  await tell({ key: 'refused', subject: { kind: 'run', id: 'r3' } }, NOON + 10 * MINUTE)
  await sendAll(ledger, NOON + 10 * MINUTE, { kind: 'refused', detail: 'no such channel' })
  await ledger.tendMessages(fallbacks, NOON + 10 * MINUTE)
  t.ok((await sendAll(ledger, NOON + 10 * MINUTE)).includes('refused/instead/pager'), 'at once: nobody was told')
})

t.test('a storm that is calm is over in each channel that has its message', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'storm', subject: { kind: 'storm', id: 's' } })
  await sendAll(ledger, NOON + MINUTE)
  await ledger.tendMessages(NO_FALLBACK, NOON + MINUTE)
  const [over] = await claimed(ledger, NOON + MINUTE)
  t.match(over?.message, { event: 'over', subject: { kind: 'storm', id: 's' }, details: { outcome: 'calm' } })
})

t.test('alerts that Astern itself posted open no incident when a route sends them here', async t => {
  const ledger = await openLedger(t)
  const answers = await ledger.receive(deliveryOf([alertOf({ alertname: 'AsternNeedsPeople', astern_message: 'k' })]))
  t.same(answers, [{ id: '', state: 'ignored' }])
})

t.test('an alert that comes before it was told that the others went away goes into their message, which stays open', async t => {
  const { ledger, tell, alert, incident } = await scene(t)
  await tell({ key: 'one', group: 'g', incidentId: incident.id })
  await sendAll(ledger, NOON)
  await alert(NOON + MINUTE, 'resolved')
  const other = await ledger.receive({ ...deliveryOf([alertOf({ alertname: 'B' })]), receivedAt: NOON + 2 * MINUTE })

  await tell({ key: 'two', group: 'g', incidentId: other[0]?.id ?? '' }, NOON + 2 * MINUTE)

  t.same(await sendAll(ledger, NOON + 3 * MINUTE), ['one'], 'the page that people have is updated')
  t.same(await sendAll(ledger, NOON + 20 * MINUTE), [], 'nobody hears that it is over: it is not')
})

t.test('a channel that is left alone is waited for until the end of that, and nobody asks meanwhile', async t => {
  const { ledger, tell } = await scene(t)
  await tell({ key: 'first' })
  const [queued] = await claimed(ledger, NOON)
  if (queued === undefined) throw new Error('nothing was due')
  await ledger.messageSent(queued, { kind: 'failed', detail: '429', retryAfterMs: 10 * MINUTE }, NOON + 10 * MINUTE, NOON)
  await tell({ key: 'second', subject: { kind: 'run', id: 'r2' } })

  t.equal(await ledger.nextMessageAt(), NOON + 10 * MINUTE)
  await tell({ key: 'third', channel: 'others', subject: { kind: 'run', id: 'r3' } })
  t.equal(await ledger.nextMessageAt(), NOON)
  t.equal(await ledger.nextMessageAt(['others']), NOON + 10 * MINUTE, 'a busy channel is heard of when it is free')
  t.same(await ledger.claimMessages(NOON, NOON + MINUTE, 10, ['others']), [])
})

t.test('an alert that is back after its affair was over calls people anew, and somebody else can take it over', async t => {
  const { ledger, tell, alert } = await scene(t)
  const ada = { by: 'Ada', via: 'slack', person: 'T0/UADA' } as const
  const bob = { by: 'Bob', via: 'slack', person: 'T0/UBOB' } as const
  const take = (who: typeof ada | typeof bob, at: number) => ledger.handOver({ runId: 'run-A', to: { ...who, at }, channels: ['people'] })
  await tell({ key: 'first', subject: { kind: 'run', id: 'run-A' } })
  await sendAll(ledger, NOON)
  t.match(await take(ada, NOON), { kind: 'handed' })
  await end(ledger)
  await sendAll(ledger, NOON + SECOND)
  await alert(NOON + MINUTE, 'resolved')
  await alert(NOON + 2 * MINUTE, 'firing')
  t.match(await take(bob, NOON + 2 * MINUTE), { kind: 'taken', has: { by: 'Ada' } }, 'it only flapped: she has it still')
  await alert(NOON + 3 * MINUTE, 'resolved')
  const over = NOON + 3 * MINUTE + OVER_AFTER_MS
  t.match(await sendAll(ledger, over), [/gone-away/])
  await alert(over + MINUTE, 'firing')
  const [back] = await claimed(ledger, over + MINUTE)
  t.match(back?.message, { event: 'needs-people', text: /The alert is back/ })
  t.notOk(back?.message.details['handedOver'])
  t.match(await take(bob, over + 2 * MINUTE), { kind: 'handed' })
})

/** Ends the run, whose claim ran out. */
async function end(ledger: Ledger): Promise<void> {
  const [claim] = await ledger.claimDue('two', NOON + 24 * 60 * MINUTE, MINUTE, 10)
  if (claim === undefined) throw new Error('nothing was due')
  const change = { state: 'ended', outcome: 'denied', reason: 'handed-over' } as const
  await ledger.save(claim.claim, { change, audit: [] }, NOON)
}
