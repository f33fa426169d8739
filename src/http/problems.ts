import type { FastifyError, FastifyInstance } from 'fastify'
import { HttpProblem } from './http-problem.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  404: 'Not found',
  405: 'Method not allowed',
  413: 'Too large',
  415: 'Unsupported media type'
}

/** Makes every answer that is not a success `application/problem+json` (RFC 9457). What failed inside is logged, and not sent. */
export function answerProblems(
  server: FastifyInstance,
  options: { readonly refused: (status: number, url: string) => void; readonly failed: (cause: unknown) => void }
): void {
  server.setErrorHandler((error: FastifyError | HttpProblem, request, reply) => {
    const known = error instanceof HttpProblem
    const status = known ? error.status : (error.statusCode ?? 500)
    options.refused(status, request.url)
    if (status >= 500) options.failed(known ? (error.cause ?? error) : error)
    const title = known ? error.title : status >= 500 ? 'Internal error' : (TITLES[status] ?? 'Refused')
    const detail = known || status < 500 ? error.message : 'something failed inside Astern; its log says what'
    if (status === 401) void reply.header('www-authenticate', 'Bearer, Basic realm="astern"')
    if (status === 503) void reply.header('retry-after', '1')
    return reply
      .code(status)
      .type('application/problem+json')
      .send({ type: 'about:blank', title, status, detail, ...(known ? error.more : {}) })
  })
  server.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .type('application/problem+json')
      .send({
        type: 'about:blank',
        title: 'Not found',
        status: 404,
        detail: `there is no ${request.method} ${request.url.split('?')[0] ?? ''}; /openapi.json lists what there is`
      })
  )
}
