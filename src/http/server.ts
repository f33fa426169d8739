import { readFileSync } from 'node:fs'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Config, ConfigError } from '../config.ts'
import { answerProblems } from './problems.ts'

export interface ServerOptions {
  readonly tls: Config['tls']
  /** Of the package; `/openapi.json` tells it. */
  readonly version: string
  /** A request was answered with a status of 400 or more. */
  readonly refused: (status: number, url: string) => void
  /** Something failed inside; the caller was told nothing of it. */
  readonly failed: (cause: unknown) => void
  /** Adds every route: the folders of the routes know the server, and the server none of them. */
  readonly routes: (server: FastifyInstance) => Promise<void>
}

/** A small request body; the sender's webhook has its own, larger limit. */
const API_BODY_BYTES = 1024 * 1024

/** The HTTP server: what all routes share. @throws ConfigError where the TLS files cannot be read */
export async function createServer({ tls, version, refused, failed, routes }: ServerOptions): Promise<FastifyInstance> {
  const options = {
    logger: false,
    bodyLimit: API_BODY_BYTES,
    // Longer than Alertmanager's flush needs, short enough that a stalled sender holds no socket for ever.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    // A body is taken as it is: "5" is not 5, and an unknown key is an error, not dropped.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } }
  } as const
  const server: FastifyInstance = tls === undefined ? Fastify(options) : Fastify({ ...options, https: readTls(tls) })
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Astern', version, description: 'Alert remediation that proves it is safe.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }]
    },
    // A schema that routes share is told under its own name.
    refResolver: { buildLocalReference: ({ $id }, _uri, _fragment, index) => (typeof $id === 'string' ? $id : `schema-${index}`) }
  })
  answerProblems(server, { refused, failed })
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
