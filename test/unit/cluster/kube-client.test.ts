import t from 'tap'
import { createKubeClient } from '../../../src/cluster/kube-client.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import type { HttpRequest, HttpResult, LineRequest } from '../../../src/outgoing/http-client.ts'
import { NOON } from '../../support/workloads.ts'

const MINUTE = 60_000
const signal = new AbortController().signal

/** A client whose HTTP answers as it is told, and who went which way. */
function scene(answer: HttpResult) {
  const ways: string[] = []
  const requests: (HttpRequest | LineRequest)[] = []
  const lines: string[] = []
  const by = (way: string) => async (request: HttpRequest) => {
    ways.push(way)
    requests.push(request)
    return answer
  }
  const http = {
    request: by('straight'),
    async lines(request: LineRequest, onLine: (line: string) => void) {
      requests.push(request)
      request.opened?.()
      for (const line of lines) onLine(line)
      return answer
    },
    close() {}
  }
  const connection = { server: 'https://api', options: async () => ({}) }
  const kube = createKubeClient(
    connection,
    http,
    { request: by('breaker'), state: () => 'closed' },
    createClockOffset(() => NOON)
  )
  return { kube, ways, requests, lines }
}
const failed = (problem: 'too-large' | 'deadline' | 'unreachable'): HttpResult => ({ kind: 'failed', problem, detail: problem })
const response = (status: number, body: string): HttpResult => ({
  kind: 'response',
  status,
  headers: {},
  body,
  sentAt: NOON,
  receivedAt: NOON
})

t.test('a page for the watch has time and goes past the breaker; a decision does neither', async t => {
  const { kube, ways, requests } = scene(failed('deadline'))
  t.same(await kube.page('/p', signal), { kind: 'unreachable', detail: 'deadline', problem: 'deadline' }, 'a shorter one may arrive')
  t.same(await kube.get('/p', signal), { kind: 'unreachable', detail: 'deadline' }, 'whoever waits for a decision does not wait again')
  t.same(ways, ['straight', 'breaker'])
  t.ok((requests[0]?.deadlineMs ?? 0) >= MINUTE && (requests[1]?.deadlineMs ?? 0) <= MINUTE / 6)
  t.match(await scene(failed('too-large')).kube.get('/p', signal), { problem: 'too-large' })
  t.notOk('problem' in (await scene(failed('unreachable')).kube.page('/p', signal)))
})

t.test('a token that ran out comes with the one that goes on', async t => {
  const status = { kind: 'Status', code: 410, message: 'too old', metadata: { continue: 'fresh' } }
  t.match(await scene(response(410, JSON.stringify(status))).kube.get('/p', signal), {
    kind: 'error',
    status: 410,
    goOn: 'fresh',
    detail: 'too old'
  })
  t.notOk('goOn' in (await scene(response(410, JSON.stringify({ ...status, metadata: {} }))).kube.get('/p', signal)))
})

t.test('a watch outlives what it asks for, and is dead when two bookmarks did not come', async t => {
  const { kube, requests, lines } = scene(response(200, ''))
  lines.push('{"type":"BOOKMARK"}', '', '{"type":"ADDED"}')
  const seen: unknown[] = []
  let opened = false
  await kube.watch(
    '/p?watch=1',
    event => seen.push(event['type']),
    signal,
    () => {
      opened = true
    }
  )
  t.same(seen, ['BOOKMARK', 'ADDED'])
  t.ok(opened)
  const [request] = requests
  if (request === undefined || !('quietMs' in request)) throw new Error('no silence is noticed')
  t.ok((request.quietMs ?? 0) > 2 * MINUTE && (request.quietMs ?? 0) < 5 * MINUTE)
  t.ok(request.deadlineMs > 10 * MINUTE)
})

t.test('credentials that cannot be read are an answer, of a watch too', async t => {
  const http = { request: async () => failed('unreachable'), lines: async () => failed('unreachable'), close() {} }
  const connection = {
    server: 'https://api',
    async options(): Promise<never> {
      throw new Error('no token')
    }
  }
  const kube = createKubeClient(
    connection,
    http,
    { request: http.request, state: () => 'closed' },
    createClockOffset(() => NOON)
  )
  const told = { kind: 'unreachable', detail: /credentials cannot be read: no token/ }
  t.match(await kube.page('/p', signal), told)
  t.match(await kube.watch('/p', () => {}, signal), told)
})
