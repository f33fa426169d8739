import { once } from 'node:events'
import http from 'node:http'
import t, { type Test } from 'tap'
import { withBreaker } from '../../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { createHttpClient, type HttpResponse } from '../../../src/outgoing/http-client.ts'

async function serve(t: Test, handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`
}

t.test('a deadline holds for the whole response', async t => {
  const url = await serve(t, (_request, response) => {
    response.writeHead(200)
    response.write('begun')
  })
  const client = createHttpClient()
  t.teardown(() => client.close())
  t.match(await client.request({ method: 'GET', url, deadlineMs: 150 }), { kind: 'failed', problem: 'deadline' })
})

t.test('a body has a limit', async t => {
  const url = await serve(t, (_request, response) => response.end('x'.repeat(10_000)))
  const client = createHttpClient()
  t.teardown(() => client.close())
  t.match(await client.request({ method: 'GET', url, deadlineMs: 2_000, maxBytes: 100 }), { kind: 'failed', problem: 'too-large' })
})

t.test('a redirect is an answer, not followed', async t => {
  let asked = 0
  const url = await serve(t, (_request, response) => {
    asked += 1
    response.writeHead(302, { location: 'http://169.254.169.254/' }).end()
  })
  const client = createHttpClient()
  t.teardown(() => client.close())
  t.match(await client.request({ method: 'POST', url, body: '{}', deadlineMs: 2_000 }), { kind: 'response', status: 302 })
  t.equal(asked, 1)
})

t.test('what failed names the host only: a path may hold a secret', async t => {
  const client = createHttpClient()
  t.teardown(() => client.close())
  const result = await client.request({ method: 'GET', url: 'http://127.0.0.1:1/services/SECRET?token=SECRET', deadlineMs: 2_000 })
  t.equal(result.kind, 'failed')
  t.notMatch(JSON.stringify(result), /SECRET/)
  t.match(await client.request({ method: 'GET', url: 'not a url', deadlineMs: 2_000 }), { kind: 'failed', problem: 'unreachable' })
})

t.test('clock offset: bounds of whole-second headers narrow it down; none is claimed unless it is proven', async t => {
  let now = 1_000_000
  const offset = createClockOffset(() => now)
  const seen = (theirs: number): void => {
    const response: HttpResponse = {
      kind: 'response',
      status: 200,
      headers: { date: new Date(Math.floor(theirs / 1_000) * 1_000).toUTCString() },
      body: '',
      sentAt: now,
      receivedAt: now
    }
    offset.observe(response)
  }
  t.equal(offset.known(), false)
  for (let index = 0; index < 10; index += 1) {
    now += 137
    seen(now)
  }
  t.equal(offset.value(), 0, 'the same clock')

  const ahead = createClockOffset(() => now)
  for (let index = 0; index < 10; index += 1) {
    now += 137
    ahead.observe({
      kind: 'response',
      status: 200,
      headers: { date: new Date(Math.floor((now + 7_300) / 1_000) * 1_000).toUTCString() },
      body: '',
      sentAt: now,
      receivedAt: now
    })
  }
  t.ok(ahead.value() > 6_900 && ahead.value() <= 7_300, `7.3 s ahead, known as ${ahead.value()}`)

  const behind = createClockOffset(() => now)
  behind.observe({
    kind: 'response',
    status: 200,
    headers: { date: new Date(now - 60_000).toUTCString() },
    body: '',
    sentAt: now,
    receivedAt: now
  })
  t.ok(behind.value() <= -58_000)
  behind.observe({ kind: 'response', status: 200, headers: { date: new Date(now).toUTCString() }, body: '', sentAt: now, receivedAt: now })
  t.equal(behind.value(), 0, 'a clock that was set: only the newest counts')
})

t.test('a stream: line by line; one that cannot be read ends the stream, and not the process', async t => {
  const url = await serve(t, (_request, response) => response.end('{"a":1}\n{"b":2}\nnot json\n{"c":3}\n'))
  const client = createHttpClient()
  t.teardown(() => client.close())
  const seen: unknown[] = []
  const end = await client.lines(
    { method: 'GET', url, deadlineMs: 2_000 },
    line => {
      seen.push(JSON.parse(line))
    },
    new AbortController().signal
  )
  t.match(end, { kind: 'failed', problem: 'unreachable', detail: /not valid JSON/ })
  t.same(seen, [{ a: 1 }, { b: 2 }])
})

t.test('who gives up ends the request at once, also one that had given up before', async t => {
  const url = await serve(t, (_request, response) => void response.writeHead(200).write('begun'))
  const client = createHttpClient()
  t.teardown(() => client.close())
  const caller = new AbortController()
  const asked = client.request({ method: 'GET', url, deadlineMs: 60_000 }, caller.signal)
  setImmediate(() => caller.abort())
  t.match(await asked, { kind: 'failed', problem: 'unreachable' })
  t.match(await client.request({ method: 'GET', url, deadlineMs: 60_000 }, caller.signal), { kind: 'failed', problem: 'unreachable' })
  t.match(await client.request({ method: 'GET', url: 'no url', deadlineMs: 60_000 }), { kind: 'failed', problem: 'unreachable' })
})

t.test('streams have sockets of their own: forty watches do not keep other requests out', async t => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/watch') response.writeHead(200).write('begun\n')
    else response.end('{}')
  })
  const client = createHttpClient()
  t.teardown(() => client.close())
  const stop = new AbortController()
  let open = 0
  const watches: Promise<unknown>[] = []
  await new Promise<void>(resolve => {
    for (let count = 0; count < 40; count += 1)
      watches.push(
        client.lines(
          { method: 'GET', url: `${url}/watch`, deadlineMs: 20_000 },
          () => {
            open += 1
            if (open === 40) resolve()
          },
          stop.signal
        )
      )
    // Where streams and requests share their sockets, the last ones never open.
    setTimeout(resolve, 3_000).unref()
  })
  t.equal(open, 40)
  t.match(await client.request({ method: 'GET', url, deadlineMs: 2_000 }), { kind: 'response', status: 200 })
  stop.abort()
  await Promise.all(watches)
})

t.test('a stream on which nothing comes is dead, also one that never began; each line gives it more time', async t => {
  let request = 0
  const url = await serve(t, (_request, response) => {
    request += 1
    if (request === 1) return
    response.writeHead(200).write('1\n')
    const lines = setInterval(() => response.write('2\n'), 60)
    setTimeout(() => clearInterval(lines), 400)
  })
  const client = createHttpClient()
  t.teardown(() => client.close())
  let opened = 0
  const seen: string[] = []
  const begins = (): void => {
    opened += 1
  }
  const listen = () =>
    client.lines(
      { method: 'GET', url, deadlineMs: 20_000, quietMs: 250, opened: begins },
      line => void seen.push(line),
      new AbortController().signal
    )
  t.match(await listen(), { kind: 'failed', problem: 'deadline', detail: /nothing came from 127\.0\.0\.1:\d+ for 250 ms/ })
  t.equal(opened, 0)
  const begun = performance.now()
  t.match(await listen(), { kind: 'failed', problem: 'deadline' })
  t.equal(opened, 1)
  t.ok(performance.now() - begun > 400 && seen.length > 3, 'it lived longer than the silence that ends it')
})

t.test('a source that answers at too great a length is not one that is away', async t => {
  const url = await serve(t, (_request, response) => response.end('x'.repeat(1_000)))
  const client = createHttpClient()
  t.teardown(() => client.close())
  const guarded = withBreaker(client, { name: 'kubernetes' })
  for (let count = 0; count < 12; count += 1)
    t.match(await guarded.request({ method: 'GET', url, deadlineMs: 2_000, maxBytes: 10 }), { kind: 'failed', problem: 'too-large' })
  t.equal(guarded.state(), 'closed')
})
