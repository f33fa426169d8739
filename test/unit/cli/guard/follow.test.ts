import t from 'tap'
import type { Clock } from '../../../../src/base/clock.ts'
import type { ApiConnection, ApiReply } from '../../../../src/cli/client.ts'
import { eventReader } from '../../../../src/cli/guard/event-reader.ts'
import { type FollowParts, followGuard } from '../../../../src/cli/guard/follow.ts'
import { patienceFor } from '../../../../src/cli/guard/patience.ts'

const FAILED: ApiReply = { kind: 'failed', detail: 'connect ECONNREFUSED' }
const OVER: ApiReply = { kind: 'answer', status: 200, body: {} }
const answer = (status: number, body = {}): ApiReply => ({ kind: 'answer', status, body })
const view = (state: string, n = 0): string => `data: ${JSON.stringify({ id: 'g-1', state, n })}`

interface Turn {
  /** What the stream tells, and how it ends. */
  readonly lines?: readonly string[]
  /** How long the stream was open, milliseconds. */
  readonly lasts?: number
  readonly stream?: ApiReply
  readonly get?: ApiReply
}

/** Follows a guard past these turns; the last one goes on for ever. Time passes only in sleeps and in streams. */
async function followed(turns: readonly Turn[], over: Partial<FollowParts> = {}) {
  let now = 0
  const sleeps: number[] = []
  const told: unknown[] = []
  const words: string[] = []
  let streams = 0
  let gets = 0
  const turn = (): Turn => turns[Math.min(turns.length, streams) - 1] ?? {}
  const clock: Clock = {
    now: () => now,
    async sleep(ms) {
      sleeps.push(ms)
      now += ms
    }
  }
  const connection: Pick<ApiConnection, 'send' | 'events'> = {
    async events(_path, onLine, signal) {
      streams += 1
      const { lines = [], lasts = 0, stream = FAILED } = turn()
      try {
        for (const line of lines.flatMap(one => [one, ''])) if (!signal.aborted) onLine(line)
      } catch (cause) {
        return { kind: 'failed', detail: String(cause) }
      }
      now += lasts
      return stream
    },
    async send() {
      gets += 1
      return turn().get ?? FAILED
    }
  }
  const end = await followGuard('g-1', {
    connection,
    clock,
    signal: new AbortController().signal,
    patience: patienceFor(undefined),
    told: value => told.push(value),
    away: detail => words.push(`away: ${detail}`),
    back: () => words.push('back'),
    ...over
  })
  return { end, sleeps, told, words, streams, gets, now }
}

t.test('a stream that breaks is opened anew, and the end that comes then is the end', async t => {
  const { end, streams, told, words, gets } = await followed([
    { lines: [view('watching')], stream: FAILED },
    { lines: [view('watching', 1), view('ended')], stream: OVER }
  ])
  t.strictSame(end, { kind: 'ended' })
  t.equal(streams, 2)
  t.equal(told.length, 3)
  t.same(words, [], 'a break that is mended at once is no news')
  t.equal(gets, 0)
})

t.test('a proxy that keeps the stream open after the end keeps nobody', async t => {
  const never = new Promise<never>(() => undefined)
  const connection: Pick<ApiConnection, 'send' | 'events'> = {
    events: (_path, onLine, signal) => {
      onLine(view('ended'))
      onLine('')
      return Promise.race([never, new Promise<ApiReply>(resolve => (signal.aborted ? resolve(FAILED) : undefined))])
    },
    send: async () => FAILED
  }
  t.strictSame((await followed([], { connection })).end, { kind: 'ended' })
})

t.test('a server that is away is tried with growing pauses for two minutes, and then given up', async t => {
  const { end, sleeps, words, now } = await followed([{ lines: [view('watching')] }, { stream: FAILED, get: FAILED }])
  t.strictSame(end, { kind: 'lost', detail: 'connect ECONNREFUSED' })
  t.strictSame(sleeps.slice(0, 6), [1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  t.ok(now > 100_000 && now <= 120_000, `${now} ms`)
  t.same(words, ['away: connect ECONNREFUSED'])
})

t.test('a server that comes back is told of, and the patience begins anew', async t => {
  const gone: Turn = { stream: FAILED, get: FAILED }
  const { end, words } = await followed([gone, gone, gone, { lines: [view('watching')] }, gone, gone, { lines: [view('ended')] }])
  t.strictSame(end, { kind: 'ended' })
  t.same(words, ['away: connect ECONNREFUSED', 'back', 'away: connect ECONNREFUSED', 'back'])
})

t.test('comments alone keep the patience: nothing changes, and the server lives', async t => {
  const quiet: Turn = { lines: [': still there'], lasts: 3_600_000, stream: FAILED, get: answer(200, { id: 'g-1', state: 'watching' }) }
  const { end } = await followed([quiet, quiet, quiet, { lines: [view('ended')], stream: OVER }])
  t.strictSame(end, { kind: 'ended' })
})

t.test('where a proxy holds the stream back, or too many listen, the guard is asked for every 5 s', async t => {
  const { end, sleeps, streams, gets, words } = await followed([
    { stream: answer(503, { detail: 'too many listen' }), get: answer(200, { id: 'g-1', state: 'watching' }) },
    { lines: [view('ended')], stream: OVER }
  ])
  t.strictSame(end, { kind: 'ended' })
  t.ok(
    sleeps.every(ms => ms === 5_000),
    sleeps.join(' ')
  )
  t.equal(streams, 2, 'a stream is tried again after a minute')
  t.ok(gets >= 11, `${gets} times`)
  t.same(words, [])
})

t.test('garbage is no sign of life: a stream of it is given up like one that is away', async t => {
  const { end, now } = await followed([{ lines: ['data: {"id":', 'data: 3'], stream: OVER, get: answer(502) }])
  t.match(end, { kind: 'lost' })
  t.ok(now <= 120_000)
})

t.test('what Astern itself refuses is final; the 404 of a proxy without a server behind it is not', async t => {
  const refused = await followed([
    { stream: answer(404, { detail: 'there is no guard g-1' }), get: answer(404, { detail: 'there is no guard g-1' }) }
  ])
  t.strictSame(refused.end, { kind: 'refused', status: 404, detail: 'there is no guard g-1' })
  const proxy = await followed([{ stream: answer(404), get: answer(404) }, { lines: [view('ended')] }])
  t.strictSame(proxy.end, { kind: 'ended' })
})

t.test('nobody waits longer for a server than the guard would for a verdict', async t => {
  t.equal(patienceFor(2_000).ms, 2_000)
  t.equal(patienceFor(3_600_000).ms, 120_000)
})

t.test('events are read by the standard: several lines of data, carriage returns, other fields, comments', async t => {
  const events: string[] = []
  let comments = 0
  const read = eventReader({ event: data => events.push(data), comment: () => (comments += 1) })
  for (const line of ['retry: 2000', 'id: 1', 'event: guard', 'data: {"a":', 'data:1}', '', ': hello', '', 'data: x\r', '\r', 'dat', ''])
    read(line)
  t.strictSame(events, ['{"a":\n1}', 'x'])
  t.equal(comments, 1)
})
