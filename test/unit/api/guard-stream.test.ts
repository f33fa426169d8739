import t from 'tap'
import type { Clock } from '../../../src/base/clock.ts'
import { at } from '../../../src/base/json.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { dataOf, openStream } from '../../support/event-stream.ts'
import { ENDS, REQUEST, WATCHING } from '../../support/guard-examples.ts'
import { scriptedGuards } from '../../support/scripted-guards.ts'
import { open } from '../../support/server-fixture.ts'

const START = AbortSignal.timeout(60_000)

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => signal?.addEventListener('abort', () => resolve(), { once: true }))
}

async function watched() {
  const deployGuards = scriptedGuards()
  await deployGuards.start(REQUEST, START)
  return deployGuards
}

t.test('the stream tells the whole guard at once and at each change, and ends with the guard', async t => {
  const deployGuards = await watched()
  const { app } = await open(t, { deployGuards })
  const stream = await openStream(t, `${app.address}/api/v1/guards/g-1`)
  t.match(stream.response.headers, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no'
  })

  const first = await stream.next()
  t.match(first, /^retry: 2000\nid: [0-9a-f]{16}\nevent: guard\ndata: \{/)
  t.match(dataOf(first), { id: 'g-1', state: 'waiting' })
  deployGuards.become('g-1', WATCHING)
  t.match(dataOf(await stream.next()), { state: 'watching', options: { for: '5m' }, version: { revision: 12 } })
  deployGuards.become('g-1', ENDS.pass)
  t.match(dataOf(await stream.next()), { state: 'ended', result: 'pass' })
  t.equal(await stream.next(), undefined, 'and nothing after it')
})

t.test('whoever comes again gets the whole guard, whatever it says that it saw last', async t => {
  const deployGuards = await watched()
  const { app } = await open(t, { deployGuards })
  for (const last of ['0123456789abcdef', '', 'x'.repeat(2_000), '42; drop']) {
    const stream = await openStream(t, `${app.address}/api/v1/guards/g-1`, { 'last-event-id': last })
    t.match(dataOf(await stream.next()), { id: 'g-1' })
    stream.close()
  }
  deployGuards.become('g-1', ENDS.superseded)
  const late = await openStream(t, `${app.address}/api/v1/guards/g-1`)
  t.match(dataOf(await late.next()), { result: 'superseded' })
  t.equal(await late.next(), undefined)
})

t.test('a comment after 15 s of silence', async t => {
  const wakes: (() => void)[] = []
  const clock: Clock = {
    now: systemClock.now,
    sleep(ms, signal) {
      if (ms !== 15_000) return systemClock.sleep(ms, signal)
      // Others sleep as long as the stream does.
      return Promise.race([new Promise<void>(resolve => wakes.push(resolve)), aborted(signal)])
    }
  }
  const deployGuards = await watched()
  const { app } = await open(t, { deployGuards, clock })
  const stream = await openStream(t, `${app.address}/api/v1/guards/g-1`)
  await stream.next()
  await deployGuards.untilWaiting(1)
  for (const wake of wakes) wake()
  t.equal(await stream.next(), ': still there')
  deployGuards.become('g-1', ENDS.pass)
  t.match(dataOf(await stream.next()), { result: 'pass' }, 'and the next change is told as before')
})

t.test('a listener that leaves is forgotten', async t => {
  // No heartbeat comes: it would find out too.
  const clock: Clock = {
    now: systemClock.now,
    sleep: (ms, signal) => (ms === 15_000 ? aborted(signal) : systemClock.sleep(ms, signal))
  }
  const deployGuards = await watched()
  const { app } = await open(t, { deployGuards, clock })
  const stream = await openStream(t, `${app.address}/api/v1/guards/g-1`)
  await stream.next()
  await deployGuards.untilWaiting(1)
  stream.close()
  await Promise.race([deployGuards.untilWaiting(0), new Promise(resolve => setTimeout(resolve, 5_000).unref())])
  t.equal(deployGuards.waiting(), 0)
  deployGuards.become('g-1', ENDS.pass)
})

t.test('at the end of Astern every stream is closed: nothing waits for a listener', async t => {
  const deployGuards = await watched()
  const { app } = await open(t, { deployGuards })
  const stream = await openStream(t, `${app.address}/api/v1/guards/g-1`)
  await stream.next()
  await deployGuards.untilWaiting(1)

  const stopped = await Promise.race([app.stop().then(() => true), new Promise(resolve => setTimeout(resolve, 5_000, false).unref())])

  t.equal(stopped, true, 'within seconds')
  t.equal(await stream.next(), undefined, 'the stream ends, and is not broken off')
  t.equal(deployGuards.waiting(), 0)
})

t.test('so many may listen: one more is sent away, asks without a stream, and finds room as soon as one leaves', async t => {
  const deployGuards = await watched()
  const { app, call } = await open(t, { deployGuards })
  const streams = []
  for (let count = 0; count < 128; count += 1) streams.push(await openStream(t, `${app.address}/api/v1/guards/g-1`))

  const over = await call('GET', '/api/v1/guards/g-1', { headers: { accept: 'text/event-stream' } })
  t.equal(over.status, 503)
  t.match(at(over.body, 'detail'), /too many listen/)
  t.equal((await call('GET', '/api/v1/guards/g-1')).status, 200)
  const other = await openStream(t, `${app.address}/api/v1/guards/g-1`, { authorization: 'Bearer d-secret' })
  t.equal(other.response.statusCode, 200, 'another credential finds room')

  for (const stream of streams) await stream.next()
  await deployGuards.untilWaiting(129)
  streams[0]?.close()
  await deployGuards.untilWaiting(128)
  t.equal((await openStream(t, `${app.address}/api/v1/guards/g-1`)).response.statusCode, 200)
})

t.test('HEAD opens no stream', async t => {
  const deployGuards = await watched()
  const { call } = await open(t, { deployGuards })
  t.equal((await call('HEAD', '/api/v1/guards/g-1', { headers: { accept: 'text/event-stream' } })).status, 200)
  t.equal(deployGuards.waiting(), 0)
})
