import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import type { FailedLogins } from './failed-logins.ts'
import { HttpProblem } from './http-problem.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  404: 'Not found',
  405: 'Method not allowed',
  413: 'Too large',
  415: 'Unsupported media type'
}

/** A request that was not granted. */
export interface Refusal {
  readonly status: number
  readonly method: string
  /** Without its query, in which somebody may have put a token. */
  readonly path: string
  /** The address that it came from; empty where the connection was gone already. */
  readonly sender: string
  readonly reason: string
  /** What failed inside, where that is why. */
  readonly cause?: unknown
}

export interface ProblemOptions {
  /** Is called for each answer of 400 or more, but for failures inside. */
  readonly refused: (refusal: Refusal) => void
  readonly failed: (cause: unknown) => void
  readonly failedLogins: FailedLogins
}

/** Makes every answer that is not a success `application/problem+json` (RFC 9457). What failed inside is logged, and not sent. */
export function answerProblems(server: FastifyInstance, { refused, failed, failedLogins }: ProblemOptions): void {
  server.setErrorHandler(async (thrown: FastifyError | HttpProblem, request, reply) => {
    const error = await failedLogins.judge(thrown, request)
    const known = error instanceof HttpProblem
    const status = known ? error.status : (error.statusCode ?? 500)
    // The ledger that takes no writes refuses every delivery of a storm: that is a refusal, whose lines are limited in rate.
    if (status >= 500 && status !== 503) failed(known ? (error.cause ?? error) : error)
    else refused(refusalOf(request, { status, reason: error.message, ...(error.cause === undefined ? {} : { cause: error.cause }) }))
    const title = known ? error.title : status >= 500 ? 'Internal error' : (TITLES[status] ?? 'Refused')
    const detail = known || status < 500 ? error.message : 'something failed inside Astern; its log says what'
    if (status === 401) void reply.header('www-authenticate', 'Bearer, Basic realm="astern"')
    if (known && 'retryAfter' in error.more) void reply.header('retry-after', String(error.more['retryAfter']))
    if (status === 503) void reply.header('retry-after', '1')
    return reply
      .code(status)
      .type('application/problem+json')
      .send({ type: 'about:blank', title, status, detail, ...(known ? error.more : {}) })
  })
  server.setNotFoundHandler(request => {
    throw noSuchRoute(request)
  })
}

/** The answer where there is no such route. */
export function noSuchRoute(request: FastifyRequest): HttpProblem {
  return new HttpProblem(404, 'Not found', `there is no ${request.method} ${pathOf(request)}; /openapi.json lists what there is`)
}

/** Tells of requests that are refused before any route sees them: what is no HTTP, and what took too long to arrive. */
export function watchBrokenRequests(server: FastifyInstance, refused: (refusal: Refusal) => void): void {
  server.server.prependListener('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Fastify’s own listener closes the socket, which then no longer says where it came from.
    // A caller that hangs up is not refused anything.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
    const sender = 'remoteAddress' in socket && typeof socket.remoteAddress === 'string' ? socket.remoteAddress : ''
    refused({ status, method: '', path: '', sender, reason: `not a request that can be read: ${error.code ?? error.name}` })
  })
}

/** What the refusal of this request says of it. */
export function refusalOf(request: FastifyRequest, why: Pick<Refusal, 'status' | 'reason' | 'cause'>): Refusal {
  return { ...why, method: request.method, path: pathOf(request), sender: request.ip }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? ''
}
