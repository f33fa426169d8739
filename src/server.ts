import { readFileSync } from 'node:fs'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Authenticator } from './api/auth.ts'
import { registerOpenRoutes } from './api/open-routes.ts'
import type { Operations } from './api/operations.ts'
import { answerProblems } from './api/problems.ts'
import { registerApi } from './api/routes.ts'
import type { Clock, Ids } from './base/clock.ts'
import { type Config, ConfigError } from './config.ts'
import type { Credential } from './domain/credential.ts'
import type { Faults } from './domain/ports/faults.ts'
import type { Ledger } from './domain/ports/ledger.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { VERSION } from './version.ts'
import { alertmanagerWebhook } from './webhooks/alertmanager.ts'

export interface ServerParts {
  readonly config: Config
  readonly operations: Operations
  readonly authenticator: Authenticator
  readonly ledger: Ledger
  readonly clock: Clock
  readonly ids: Ids
  readonly faults: Faults
  readonly logger: Logger
  readonly metrics: Metrics
  readonly kick: () => void
}

/** A small request body; the sender's webhook has its own, larger limit. */
const API_BODY_BYTES = 1024 * 1024

/** The HTTP server with every route. */
export async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const { config, operations, authenticator, metrics, logger } = parts
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
  const server: FastifyInstance = config.tls === undefined ? Fastify(options) : Fastify({ ...options, https: readTls(config.tls) })
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Astern', version: VERSION, description: 'Alert remediation that proves it is safe.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }]
    }
  })
  answerProblems(server, {
    refused(status, url) {
      if (!url.startsWith('/webhooks/')) return
      if (status === 401) metrics.refusedDelivery('unauthorized')
      if (status === 403) metrics.refusedDelivery('forbidden')
      if (status === 413) metrics.refusedDelivery('too-large')
    },
    failed: cause => logger.error({ err: cause }, 'a request failed')
  })
  registerOpenRoutes(server, operations, () => server.swagger())
  await server.register(async webhooks => {
    const callers = new WeakMap<FastifyRequest, Credential>()
    // The raw text is what is stored, and what is parsed: whatever content type a proxy made of it.
    webhooks.removeAllContentTypeParsers()
    webhooks.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    webhooks.addHook('onRequest', async request => {
      callers.set(request, authenticator.authenticate(request, 'webhook'))
    })
    alertmanagerWebhook(webhooks, {
      ledger: parts.ledger,
      clock: parts.clock,
      ids: parts.ids,
      faults: parts.faults,
      credential(request) {
        const credential = callers.get(request)
        if (credential === undefined) throw new Error('a delivery was handled before its caller was let in')
        return credential
      },
      received(answers, seconds, truncated) {
        for (const answer of answers) metrics.incident(answer.state)
        metrics.deliverySeconds(seconds)
        if (truncated > 0) logger.warn({ truncated }, 'the sender cut alerts from a delivery (max_alerts); set max_alerts to 0')
        parts.kick()
      },
      refused: why => metrics.refusedDelivery(why)
    })
  })
  await server.register(async api => registerApi(api, { operations, authenticator }))
  await server.ready()
  return server
}

function readTls(tls: { readonly cert: string; readonly key: string }): { readonly cert: Buffer; readonly key: Buffer } {
  try {
    return { cert: readFileSync(tls.cert), key: readFileSync(tls.key) }
  } catch (cause) {
    throw new ConfigError(`the TLS files cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
