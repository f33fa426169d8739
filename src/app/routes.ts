import type { FastifyInstance, FastifyRequest } from 'fastify'
import { registerOpenRoutes } from '../api/open-routes.ts'
import type { Operations } from '../api/operations.ts'
import { registerApi } from '../api/routes.ts'
import type { Clock, Ids } from '../base/clock.ts'
import type { Credential } from '../domain/credential.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { IntakeLedger } from '../domain/ports/ledger.ts'
import type { Authenticator } from '../http/authentication.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { alertmanagerWebhook } from '../webhooks/alertmanager.ts'

export interface RouteParts {
  readonly operations: Operations
  readonly authenticator: Authenticator
  readonly ledger: IntakeLedger
  readonly clock: Clock
  readonly ids: Ids
  readonly faults: Faults
  readonly logger: Logger
  readonly metrics: Metrics
  /** Is called when new incidents came in. */
  readonly kick: () => void
}

/** Adds every route that Astern answers. */
export async function registerRoutes(server: FastifyInstance, parts: RouteParts): Promise<void> {
  const { operations, authenticator } = parts
  registerOpenRoutes(server, operations, () => server.swagger())
  await server.register(async webhooks => registerWebhooks(webhooks, parts))
  await server.register(async api => registerApi(api, { operations, authenticator }))
}

function registerWebhooks(
  webhooks: FastifyInstance,
  { authenticator, ledger, clock, ids, faults, logger, metrics, kick }: RouteParts
): void {
  const callers = new WeakMap<FastifyRequest, Credential>()
  // The raw text is stored and parsed, whatever content type a proxy gave it.
  webhooks.removeAllContentTypeParsers()
  webhooks.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  webhooks.addHook('onRequest', async request => {
    callers.set(request, authenticator.authenticate(request, 'webhook'))
  })
  alertmanagerWebhook(webhooks, {
    ledger,
    clock,
    ids,
    faults,
    credential(request) {
      const credential = callers.get(request)
      if (credential === undefined) throw new Error('a delivery was handled before its caller was let in')
      return credential
    },
    received(answers, seconds, truncated) {
      for (const answer of answers) metrics.incident(answer.state)
      metrics.deliverySeconds(seconds)
      if (truncated > 0) logger.warn({ truncated }, 'the sender cut alerts from a delivery (max_alerts); set max_alerts to 0')
      kick()
    },
    refused: why => metrics.refusedDelivery(why)
  })
}
