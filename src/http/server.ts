import { readFileSync } from 'node:fs'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Config, ConfigError } from '../config.ts'
import { boundBodies } from './body-room.ts'
import { watchFailedLogins } from './failed-logins.ts'
import { guardLocalCallers } from './local-callers.ts'
import { answerProblems, type Refusal, refusalOf, watchBrokenRequests } from './problems.ts'

export interface ServerOptions {
  readonly tls: Config['tls']
  /** The version of the package, for `/openapi.json`. */
  readonly version: string
  /** The names under which a caller without a token may reach this server, besides loopback ones; undefined where callers have tokens. */
  readonly tokenless?: { readonly allowHosts: readonly string[] }
  /** Is called when a request was refused. */
  readonly refused: (refusal: Refusal) => void
  /** Is called when something failed inside. The caller gets no details of it. */
  readonly failed: (cause: unknown) => void
  /** Adds every route. The folders with routes know the server, but the server knows none of them. */
  readonly routes: (server: FastifyInstance) => Promise<void>
}

/** The limit of a request body, bytes. The webhook for alerts has its own, larger limit. */
const API_BODY_BYTES = 1024 * 1024

/** Makes the HTTP server, with all that routes share. @throws ConfigError where the TLS files cannot be read */
export async function createServer({ tls, version, tokenless, refused, failed, routes }: ServerOptions): Promise<FastifyInstance> {
  const options = {
    logger: false,
    bodyLimit: API_BODY_BYTES,
    // Longer than Alertmanager's flush needs, short enough that a stalled sender holds no socket for ever.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    // The server converts nothing in a body: "5" is not 5. An unknown key is an error, and is not dropped.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    // A path that cannot be decoded meets no route, no hook and no error handler.
    frameworkErrors(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
      const status = error.statusCode ?? 400
      refused(refusalOf(request, { status, reason: error.message }))
      void reply
        .code(status)
        .type('application/problem+json')
        .send({ type: 'about:blank', title: 'Bad request', status, detail: 'the path cannot be read' })
    }
  }
  const server: FastifyInstance = tls === undefined ? Fastify(options) : Fastify({ ...options, https: readTls(tls) })
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Astern', version, description: 'Alert remediation that proves it is safe.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }]
    },
    // A schema that routes share has its own name in `/openapi.json`.
    refResolver: { buildLocalReference: ({ $id }, _uri, _fragment, index) => (typeof $id === 'string' ? $id : `schema-${index}`) }
  })
  // The API takes JSON. As text, a body would be refused for not being an object, which tells the caller nothing of the type.
  server.removeContentTypeParser('text/plain')
  answerProblems(server, { refused, failed, failedLogins: await watchFailedLogins(server) })
  watchBrokenRequests(server, refused)
  boundBodies(server)
  if (tokenless !== undefined) guardLocalCallers(server, tokenless.allowHosts)
  await routes(server)
  await server.ready()
  return server
}

function readTls(tls: NonNullable<Config['tls']>): { readonly cert: Buffer; readonly key: Buffer } {
  try {
    return { cert: readFileSync(tls.cert), key: readFileSync(tls.key) }
  } catch (cause) {
    throw new ConfigError(`the TLS files cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
