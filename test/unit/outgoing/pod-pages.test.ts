import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createProxiedPodPages } from '../../../src/cluster/proxied-pod-pages.ts'
import type { PageAnswer, PodPages } from '../../../src/domain/ports/pod-pages.ts'
import type { AddressFacts } from '../../../src/outgoing/addresses.ts'
import { createDirectPodPages, PAGE_BYTES } from '../../../src/outgoing/direct-pod-pages.ts'
import { streamedGet } from '../../../src/outgoing/streamed-get.ts'
import { podAt, startPod } from '../../support/metrics-pod.ts'

const FACTS: AddressFacts = { own: [], listening: { host: '127.0.0.1', port: 1 }, podCidrs: ['127.0.0.0/8'] }
const direct = createDirectPodPages(async () => FACTS)
const soon = (): AbortSignal => AbortSignal.timeout(20_000)

async function read(
  pages: PodPages,
  pod: ReturnType<typeof podAt>,
  { path = '/metrics', scheme = 'http' as 'http' | 'https', signal = soon() } = {}
): Promise<{ readonly answer: PageAnswer; readonly body: string; readonly bytes: number }> {
  const chunks: Uint8Array[] = []
  const take = (chunk: Uint8Array): boolean => {
    chunks.push(chunk)
    return true
  }
  const page = { scheme, port: Number(pod.annotations['prometheus.io/port']), path }
  const answer = await pages.read({ pod, page, accept: 'text/plain', take }, signal)
  const body = Buffer.concat(chunks)
  return { answer, body: body.toString('latin1', 0, 1_000), bytes: body.length }
}

async function readFrom(t: Test, answer: RequestListener): ReturnType<typeof read> {
  return read(direct, (await startPod(t, 'a', answer)).pod)
}

t.test('a page is read as it comes, packed or not', async t => {
  const seen: unknown[] = []
  const plain = await readFrom(t, (request, response) => {
    seen.push(request.url, request.headers['accept'], request.headers['accept-encoding'], request.headers['authorization'])
    response.setHeader('content-type', 'text/plain; version=0.0.4').end('a 1\n')
  })
  t.same(plain, { answer: { kind: 'answered', contentType: 'text/plain; version=0.0.4' }, body: 'a 1\n', bytes: 4 })
  t.same(seen, ['/metrics', 'text/plain', 'gzip', undefined])
  t.match(await readFrom(t, (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('a 1\n'))), { body: 'a 1\n' })
})

t.test('a pod is called at its own address, by the rules that hold for actions', async t => {
  const { pod, requests } = await startPod(t, 'a', (_, response) => response.end('a 1\n'))
  const under = (facts: Partial<AddressFacts>, ip = pod.ip) =>
    read(
      createDirectPodPages(async () => ({ ...FACTS, ...facts })),
      { ...pod, ...(ip === undefined ? {} : { ip }) }
    )
  t.match((await under({ podCidrs: ['10.0.0.0/8'] })).answer, {
    kind: 'failed',
    because: 'forbidden',
    detail: /loopback|not where pods live/
  })
  t.match((await under({ own: ['127.10.0.1'] })).answer, { because: 'forbidden', detail: /Astern itself/ })
  t.match((await under({ podCidrs: [] }, '169.254.169.254')).answer, { because: 'forbidden' })
  t.match((await under({ podCidrs: [] }, 'fd00:ec2::254')).answer, { because: 'forbidden' })
  t.match((await under({}, 'api.shop.svc')).answer, { kind: 'failed', detail: /no address of its own/ })
  t.equal(requests(), 0)
})

t.test('redirects are not followed, and what is refused says so', async t => {
  const elsewhere = await startPod(t, 'b', (_, response) => response.end('a 1\n'), '127.10.0.2')
  const url = `http://127.10.0.2:${elsewhere.pod.annotations['prometheus.io/port']}/`
  const answered = async (status: number): Promise<unknown> =>
    (await readFrom(t, (_, response) => response.writeHead(status, { location: url }).end('a 1\n'))).answer
  t.match(await answered(302), { kind: 'failed', because: 'rejected', detail: /answers 302, and redirects are not followed/ })
  t.equal(elsewhere.requests(), 0)
  t.match(await answered(401), { because: 'forbidden', detail: /401/ })
  t.match(await answered(403), { because: 'forbidden' })
  t.match(await answered(404), { because: 'rejected' })
  t.match(await answered(204), { because: 'rejected' })
  t.match(await answered(503), { because: 'unreachable' })
})

t.test('long bodies are read to ten MiB and no farther, packed ones by what they unpack to', async t => {
  const body = Buffer.alloc(PAGE_BYTES, '# comment\n')
  t.match(await readFrom(t, (_, response) => response.end(body)), { answer: { kind: 'answered' }, bytes: PAGE_BYTES })
  t.match((await readFrom(t, (_, response) => response.end(Buffer.concat([body, Buffer.from('x')])))).answer, {
    kind: 'failed',
    because: 'too-much',
    detail: /more than 10485760 bytes/
  })
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024))
  const bombed = await readFrom(t, (_, response) => response.setHeader('content-encoding', 'gzip').end(bomb))
  t.match(bombed.answer, { because: 'too-much' })
  t.ok(bombed.bytes <= PAGE_BYTES)
})

t.test('broken answers are answers', async t => {
  const packed = (encoding: string, body: Buffer) =>
    readFrom(t, (_, response) => response.setHeader('content-encoding', encoding).end(body))
  t.match((await packed('gzip', Buffer.from('a 1\n'))).answer, { because: 'rejected', detail: /gzip is broken/ })
  t.match((await packed('gzip', gzipSync('a 1\n'.repeat(1_000)).subarray(0, 30))).answer, { because: 'rejected', detail: /gzip is broken/ })
  t.match((await packed('br', Buffer.from('x'))).answer, { because: 'rejected', detail: /packed by br/ })
  const cut = await readFrom(t, (_, response) => {
    response.setHeader('content-length', '100')
    response.write('a 1\n', () => response.destroy())
  })
  t.match(cut.answer, { kind: 'failed', because: 'unreachable' })
  const chatter = createServer(socket => socket.end('I am no HTTP server\r\n\r\n'))
  chatter.listen(0, '127.10.0.1')
  await once(chatter, 'listening')
  t.teardown(() => chatter.close())
  const address = chatter.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  t.match((await read(direct, podAt('x', '127.10.0.1', address.port))).answer, { because: 'unreachable' })
  t.match((await read(direct, podAt('x', '127.10.0.1', 1))).answer, { because: 'unreachable', detail: /ECONNREFUSED/ })
})

t.test('what never ends is ended: a body, and silence', async t => {
  const get = (pod: ReturnType<typeof podAt>, signal = soon()) =>
    streamedGet(
      {
        url: `http://127.10.0.1:${pod.annotations['prometheus.io/port']}/`,
        headers: {},
        deadlineMs: 200,
        maxBytes: PAGE_BYTES,
        take: () => true
      },
      signal
    )
  const endless = await startPod(t, 'a', (_, response) => {
    const more = setInterval(() => response.write('a 1\n'), 20)
    response.on('close', () => clearInterval(more))
  })
  t.match(await get(endless.pod), { kind: 'failed', because: 'unreachable', detail: /within 200 ms/ })
  const silent = await startPod(t, 'a', () => {})
  t.match(await get(silent.pod), { kind: 'failed', detail: /within 200 ms/ })
  t.match(await get(silent.pod, AbortSignal.abort()), { kind: 'failed', detail: /given up/ })
  const stop = new AbortController()
  const going = get(silent.pod, stop.signal)
  stop.abort()
  t.match(await going, { kind: 'failed', detail: /given up/ })
})

t.test('whoever reads may have enough', async t => {
  const { pod } = await startPod(t, 'a', (_, response) => {
    const more = setInterval(() => response.write('a 1\n'), 5)
    response.on('close', () => clearInterval(more))
  })
  const page = { scheme: 'http', port: Number(pod.annotations['prometheus.io/port']), path: '/' } as const
  t.match(await direct.read({ pod, page, accept: '*/*', take: () => false }, soon()), { kind: 'answered' })
})

t.test('through the API server: by name, with its credentials, and its refusals apart from the pod’s', async t => {
  const seen: unknown[] = []
  let answer: RequestListener = (_, response) => response.setHeader('content-type', 'text/plain').end('a 1\n')
  const server = await startPod(t, 'apiserver', (request, response) => {
    seen.push(request.url, request.headers['authorization'])
    answer(request, response)
  })
  const connection = {
    server: `http://127.10.0.1:${server.pod.annotations['prometheus.io/port']}`,
    options: async () => ({ headers: { authorization: 'Bearer t' } })
  }
  const pages = createProxiedPodPages(connection)
  const pod = podAt('a', '10.0.0.1', 9102)
  t.match(await read(pages, pod), { answer: { kind: 'answered' }, body: 'a 1\n' })
  t.same(seen, ['/api/v1/namespaces/shop/pods/api-a:9102/proxy/metrics', 'Bearer t'])
  await read(pages, pod, { scheme: 'https', path: '/m?x=1' })
  t.equal(seen[2], '/api/v1/namespaces/shop/pods/https:api-a:9102/proxy/m?x=1')

  answer = (_, response) =>
    response
      .writeHead(403, { 'content-type': 'application/json' })
      .end(JSON.stringify({ kind: 'Status', code: 403, message: 'pods "api-a" is forbidden: cannot get resource "pods/proxy"' }))
  t.match((await read(pages, pod)).answer, { because: 'forbidden', detail: /cannot get resource "pods\/proxy"/ })
  answer = (_, response) => response.writeHead(403).end('go away')
  t.match((await read(pages, pod)).answer, { because: 'forbidden', detail: /answers 403/ })
  answer = (_, response) => response.writeHead(307, { location: 'http://127.10.0.1:1/' }).end()
  t.match((await read(pages, pod)).answer, { because: 'rejected', detail: /redirects/ })
  const broken = createProxiedPodPages({ ...connection, options: () => Promise.reject(new Error('no token file')) })
  t.match((await read(broken, pod)).answer, { because: 'unreachable', detail: /no token file/ })
})
