import t, { type Test } from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { HeartbeatSettings } from '../../../src/domain/heartbeat.ts'
import { startHeartbeat } from '../../../src/notify/heartbeat.ts'
import type { HttpRequest, HttpResult } from '../../../src/outgoing/http-client.ts'
import { HandClock } from '../../support/hand-clock.ts'

const URL = 'https://hc.example.org/0123-secret'
const MINUTELY: HeartbeatSettings = { urlFile: '/etc/astern/heartbeat', method: 'GET', every: MINUTE }

/** A heartbeat with a service outside that answers what the test says. */
function started(t: Test, more: { readonly url?: string } = {}) {
  const clock = new HandClock()
  const world = {
    clock,
    settings: MINUTELY as HeartbeatSettings | undefined,
    ailments: async (): Promise<readonly string[]> => [],
    answer: { status: 200, body: 'OK' } as { readonly status: number; readonly body: string } | 'unreachable',
    requests: [] as HttpRequest[],
    /** What is worth a line in the log. */
    lines: [] as string[],
    results: [] as string[]
  }
  const heart = startHeartbeat({
    clock,
    settings: () => world.settings,
    ailments: () => world.ailments(),
    readFile: async path => (path.includes('authorization') ? 'GenieKey k' : (more.url ?? URL)),
    http: {
      async request(request): Promise<HttpResult> {
        world.requests.push(request)
        return world.answer === 'unreachable'
          ? { kind: 'failed', problem: 'unreachable', detail: 'connection refused' }
          : { kind: 'response', headers: {}, sentAt: 0, receivedAt: 0, ...world.answer }
      }
    },
    beaten({ result, detail }, { worthALine }) {
      world.results.push(result)
      if (worthALine) world.lines.push(detail === '' ? result : `${result}: ${detail}`)
    }
  })
  t.teardown(() => heart.stop())
  return { ...world, world, heart }
}

t.test('a sign of life goes out every minute, and the first one when a minute is over', async t => {
  const { clock, requests, heart } = started(t)
  await clock.pass(59 * SECOND)
  t.equal(requests.length, 0, 'a process that dies right after each start does not look alive')
  await clock.pass(SECOND)
  t.equal(requests.length, 1)
  await clock.pass(10 * MINUTE)
  t.equal(requests.length, 11)
  t.match(requests[0], { method: 'GET', deadlineMs: 10_000 })
  t.equal(String(requests[0]?.url), 'the URL in /etc/astern/heartbeat', 'who writes it down writes no secret')
  t.match(heart.state(), { last: { result: 'sent', detail: '' } })
})

t.test('nothing goes out while Astern does not work', async t => {
  const { clock, world, requests, lines, heart } = started(t)
  world.ailments = async () => ['the worker has not finished a turn for 125 s']
  await clock.pass(5 * MINUTE)
  t.equal(requests.length, 0)
  t.same(lines, ['withheld: the worker has not finished a turn for 125 s'], 'the log has one line, not five')
  t.match(heart.state(), { last: { result: 'withheld' } })
  world.ailments = async () => []
  await clock.pass(MINUTE)
  t.equal(requests.length, 1)
  t.same(lines.at(-1), 'sent')
})

t.test('a look that hangs, or fails, is an ailment', async t => {
  const { clock, world, requests, lines } = started(t)
  world.ailments = () => new Promise(() => {})
  await clock.pass(2 * MINUTE)
  t.same(lines, ['withheld: whether Astern works could not be found out in time'])
  world.ailments = async () => {
    throw new Error('disk I/O error')
  }
  await clock.pass(HOUR)
  t.match(lines, ['withheld: whether', 'withheld: whether Astern works: disk I/O error'])
  t.equal(requests.length, 0)
})

t.test('a service that does not take it is told of once an hour, counted each time, and tried on', async t => {
  const { clock, world, lines, results } = started(t)
  world.answer = 'unreachable'
  await clock.pass(90 * MINUTE)
  t.equal(results.length, 90)
  t.same(lines, ['failed: connection refused', 'failed: connection refused'])
  world.answer = { status: 200, body: 'OK' }
  await clock.pass(MINUTE)
  t.same(lines.at(-1), 'sent')
})

t.test('200 is no success where the body says that nobody knows the check', async t => {
  const { clock, world, lines } = started(t)
  world.answer = { status: 200, body: 'OK (not found)' }
  await clock.pass(MINUTE)
  t.same(lines, ['failed: answered 200: not found'])
  world.answer = { status: 302, body: '' }
  await clock.pass(MINUTE)
  t.same(lines.length, 1, 'a redirect is no success either, and no news')
})

t.test('a heartbeat by POST with a key', async t => {
  const { clock, world, requests, heart } = started(t)
  world.settings = { urlFile: 'url', method: 'POST', authorizationFile: 'authorization', every: 5 * MINUTE }
  heart.follow()
  await clock.pass(5 * MINUTE)
  t.match(requests.at(-1), { method: 'POST', headers: { authorization: 'GenieKey k' } })
})

t.test('new settings hold at once, and without settings nothing goes out', async t => {
  const { clock, world, requests, heart } = started(t)
  world.settings = { ...MINUTELY, every: HOUR }
  await clock.pass(5 * MINUTE)
  const before = requests.length
  world.settings = MINUTELY
  heart.follow()
  await clock.pass(2 * MINUTE)
  t.equal(requests.length, before + 2, 'it does not sleep for the hour that was said before')
  world.settings = undefined
  heart.follow()
  await clock.pass(10 * MINUTE)
  t.equal(requests.length, before + 2)
  t.same(heart.state().last, undefined)
})

t.test('the URL must be https', async t => {
  const { clock, requests, lines } = started(t, { url: 'http://hc.example.org/secret' })
  await clock.pass(MINUTE)
  t.equal(requests.length, 0)
  t.same(lines, ['failed: the URL in /etc/astern/heartbeat must be https (http only on loopback)'])
})

t.test('what stops sends nothing more, also where a call hangs', async t => {
  const { clock, world, requests, results, heart } = started(t)
  world.ailments = async () => []
  await clock.pass(MINUTE)
  await heart.stop()
  await clock.pass(10 * MINUTE)
  t.equal(requests.length, 1)
  t.same(results, ['sent'])
})
