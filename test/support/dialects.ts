import { once } from 'node:events'
import http from 'node:http'
import type { Test } from 'tap'

/** What one server answers to one question. */
export interface DialectAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** A server that speaks Prometheus' API in its own way: what it answers, by the method, the path and the parameters of a question. */
export type Dialect = (method: string, path: string, parameters: URLSearchParams) => DialectAnswer

export const json = (body: unknown, status = 200): DialectAnswer => ({ status, type: 'application/json', body: JSON.stringify(body) })
export const text = (body: string, status: number, type = 'text/plain; charset=utf-8'): DialectAnswer => ({ status, type, body })

export const vectorOf = (...values: readonly string[]) => ({
  status: 'success',
  data: {
    resultType: 'vector',
    result: values.map((value, index) => ({ metric: { replica: String(index) }, value: [1_700_000_000, value] }))
  }
})
const matrixOf = (from: number, ...values: readonly string[]) => ({
  status: 'success',
  data: { resultType: 'matrix', result: [{ metric: {}, values: values.map((value, index) => [from + index, value]) }] }
})
const ranged = (path: string): boolean => path.endsWith('/query_range')
const answerOf = (path: string, parameters: URLSearchParams) =>
  ranged(path)
    ? matrixOf(Number(parameters.get('start')), '0.4', '0.4')
    : vectorOf(parameters.get('query')?.startsWith('time()') === true ? '3' : '0.4')

/**
 * VictoriaMetrics' cluster with a storage node away: 200 with `isPartial: true`, and 503 where the question denies partial answers
 * (https://docs.victoriametrics.com/victoriametrics/cluster-victoriametrics/#cluster-availability; VictoriaMetrics#4531, #8522).
 */
export const victoriaMetrics: Dialect = (_method, path, parameters) =>
  parameters.get('deny_partial_response') === '1'
    ? json({ status: 'error', errorType: '503', error: 'cannot fetch query results: cannot connect to vmstorage node 10.0.0.7:8401' }, 503)
    : json({ isPartial: true, ...answerOf(path, parameters) })

/** An older one, which does not know the parameter and answers with what it has. */
export const oldVictoriaMetrics: Dialect = (_method, path, parameters) => json({ ...answerOf(path, parameters), isPartial: true })

/**
 * Thanos Query with a store away: a warning beside what it has, and an execution error where the question wants the whole
 * (https://thanos.io/tip/components/query.md/#partial-response-strategy); without `dedup` a series of each replica.
 */
export const thanos: Dialect = (_method, path, parameters) => {
  if (parameters.get('partial_response') === 'false')
    return json(
      {
        status: 'error',
        errorType: 'execution',
        error:
          'expanding series: proxy Series(): rpc error: code = Unavailable desc = connection error: dial tcp 10.0.0.9:10901: connect: connection refused'
      },
      422
    )
  return json({ ...answerOf(path, parameters), warnings: ['No StoreAPIs matched for this query'] })
}

/** Thanos Query whose stores are all there, with two replicas of each series. */
export const thanosReplicas: Dialect = (_method, path, parameters) =>
  json(parameters.get('dedup') === 'true' ? answerOf(path, parameters) : vectorOf('0.4', '0.4'))

/** Prometheus up to 2.53, whose hints stand among the warnings (prometheus#14135). */
export const prometheus253: Dialect = (_method, path, parameters) =>
  json({
    ...answerOf(path, parameters),
    warnings: [
      'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "sys_host_disk_write_bytes" (1:10)'
    ]
  })

/** A proxy that lets only reading methods through. */
export const readOnly =
  (refusal: DialectAnswer): Dialect =>
  (method, path, parameters) =>
    method === 'GET' ? json(answerOf(path, parameters)) : refusal

/** How servers write that there is nothing: cortex#1142, prometheus#3603, thanos#576, prometheus-engine#1645, greptimedb#1732. */
export const NOTHINGS: Readonly<Record<string, unknown>> = {
  'an empty vector': { resultType: 'vector', result: [] },
  'a vector of null': { resultType: 'vector', result: null },
  'no type and null': { resultType: '', result: null },
  'no type and an empty list': { resultType: '', result: [] },
  'a matrix of null': { resultType: 'matrix', result: null },
  'a list alone': { result: [] },
  'a type alone': { resultType: 'vector' },
  'an object without anything': {},
  'no data': null
}

/** Errors of servers and of what stands before them, with the line that people need. */
export const REFUSALS: readonly (readonly [string, DialectAnswer, RegExp])[] = [
  ['Mimir without a tenant', text('no org id\n', 401), /^401 text\/plain.*: no org id$/],
  [
    'a gateway',
    text('<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body></html>', 502, 'text/html'),
    /: 502 Bad Gateway$/
  ],
  ['vmauth', text('\nmissing "Authorization" request header\nmore', 401), /: missing "Authorization" request header$/],
  ['Grafana’s proxy', json({ message: 'Unauthorized', traceID: '' }, 401), /^401: Unauthorized$/],
  ['AWS', json({ Message: 'Missing Authentication Token' }, 403), /^403: Missing Authentication Token$/],
  ['a wrong path', text('404 page not found\n', 404), /^404 .*: 404 page not found$/],
  ['an error of two lines', json({ status: 'error', errorType: 'internal', error: 'first\nsecond' }, 500), /^internal: first$/],
  ['an empty body', text('', 401), /^401 text\/plain/],
  ['a very long line', text('x'.repeat(5_000), 500), /x…$/]
]

export interface RunningDialect {
  readonly url: string
  /** The questions, oldest first. */
  readonly asked: readonly { readonly method: string; readonly path: string; readonly parameters: URLSearchParams }[]
}

/** A loopback server that speaks a dialect. */
export async function startDialect(t: Test, dialect: Dialect): Promise<RunningDialect> {
  const asked: { method: string; path: string; parameters: URLSearchParams }[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://loopback')
      const parameters = request.method === 'POST' ? new URLSearchParams(body) : url.searchParams
      const method = request.method ?? ''
      asked.push({ method, path: url.pathname, parameters })
      const answer = dialect(method, url.pathname, parameters)
      response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return { url: `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`, asked }
}
