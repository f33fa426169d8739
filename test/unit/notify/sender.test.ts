import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { type Clock, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { Delivered, QueuedMessage } from '../../../src/domain/message.ts'
import { noFaults } from '../../../src/domain/ports/faults.ts'
import type { OutboxLedger } from '../../../src/domain/ports/ledger.ts'
import { retryAt, startSender } from '../../../src/notify/sender.ts'
import { StoryClock } from '../../support/bench.ts'
import { MESSAGE } from '../../support/channel-tools.ts'
import { withRun } from '../../support/ledger-fixture.ts'
import { openLedger } from '../../support/open-ledger.ts'
import { NOON } from '../../support/workloads.ts'

t.test('back-off doubles, up to five minutes, for ever', async t => {
  t.same(
    [0, 1, 2, 3, 8, 9, 1_000].map(attempts => retryAt(attempts, 0) / 1_000),
    [1, 2, 4, 8, 256, 300, 300]
  )
})

/** Sends one message, and answers with what the ledger then stores. */
async function sentOnce(result: Delivered, queued: Partial<QueuedMessage> = {}) {
  const seen: { memory: unknown; nextAt: number }[] = []
  const stored = Promise.withResolvers<void>()
  let claims = 0
  const ledger: OutboxLedger = {
    async claimMessages() {
      claims += 1
      return claims === 1 ? [{ message: MESSAGE, attempts: 0, revision: 1, claimedUntil: NOON, ...queued }] : []
    },
    async messageSent(_queued, _result, nextAt) {
      seen.push({ memory: undefined, nextAt: nextAt - NOON })
      stored.resolve()
    },
    undelivered: async () => 0,
    nextMessageAt: async () => undefined,
    tendMessages: async () => {}
  }
  let memory: unknown
  const sender = startSender({
    ledger,
    clock: new StoryClock(),
    faults: noFaults,
    channel: () => ({
      takes: [],
      follows: [],
      async send(_message, sending) {
        memory = sending.memory
        return result
      }
    }),
    fallbacks: () => new Map(),
    sent: () => {},
    failed: (_what, cause) => stored.reject(cause)
  })
  await stored.promise
  await sender.stop()
  return { memory, nextAt: seen[0]?.nextAt }
}

t.test('it is tried again when the channel says so, where that is later than the back-off', async t => {
  t.equal((await sentOnce({ kind: 'failed', detail: '429', retryAfterMs: 30 * SECOND })).nextAt, 30 * SECOND)
  t.equal((await sentOnce({ kind: 'failed', detail: '429', retryAfterMs: 0 })).nextAt, SECOND)
  t.equal(
    (await sentOnce({ kind: 'failed', detail: '429', retryAfterMs: 24 * 60 * MINUTE })).nextAt,
    60 * MINUTE,
    'people wait: an hour at most'
  )
})

t.test('a channel gets what it remembered of the affair', async t => {
  t.same((await sentOnce({ kind: 'delivered' }, { memory: { ts: '1.2' } })).memory, { ts: '1.2' })
})

t.test('a channel that answers late holds up no other, and is given nothing more meanwhile', async t => {
  const ledger = await openLedger(t)
  await withRun(ledger)
  const [claimed] = await ledger.claimDue('one', NOON, 24 * 60 * MINUTE, 10)
  if (claimed === undefined) throw new Error('nothing was due')
  // Time stands still: only what happens wakes the sender.
  const clock: Clock = { now: () => NOON, sleep: (_ms, signal) => once(signal ?? new AbortController().signal, 'abort').then(() => {}) }
  const tell = (key: string, channel: string) =>
    ledger.save(
      claimed.claim,
      { change: {}, audit: [], messages: [{ ...MESSAGE, key, channel, subject: { kind: 'run', id: key } }] },
      clock.now()
    )
  for (const [key, channel] of [
    ['1', 'slow'],
    ['2', 'slow'],
    ['3', 'quick']
  ] as const)
    await tell(key, channel)
  const late = Promise.withResolvers<Delivered>()
  const told: string[] = []
  const heard = new EventEmitter()
  const sender = startSender({
    ledger,
    clock,
    faults: noFaults,
    channel: name => ({
      takes: [],
      follows: [],
      async send({ key }) {
        told.push(key)
        return name === 'slow' ? late.promise : { kind: 'delivered' }
      }
    }),
    fallbacks: () => new Map(),
    sent: ({ message }) => heard.emit(message.key),
    failed: (_what, cause) => t.fail(String(cause))
  })
  await once(heard, '3')
  await tell('4', 'slow')
  await tell('5', 'quick')
  sender.kick()
  await once(heard, '5')
  t.same([...told].sort(), ['1', '2', '3', '5'], 'the quick one goes on, the slow one is given no more')
  late.resolve({ kind: 'delivered' })
  await once(heard, '4')
  await sender.stop()
})
