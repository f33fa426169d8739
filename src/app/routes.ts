import type { FastifyInstance } from 'fastify'
import { registerOpenRoutes } from '../api/open-routes.ts'
import type { Operations } from '../api/operations.ts'
import { registerApi } from '../api/routes.ts'
import type { Clock, Ids } from '../base/clock.ts'
import type { DeployGuards } from '../domain/ports/deploy-guards.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { IntakeLedger } from '../domain/ports/ledger.ts'
import type { Authenticator } from '../http/authentication.ts'
import { callerOf, letIn } from '../http/callers.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type AlertmanagerWebhookOptions, alertmanagerWebhook } from '../webhooks/alertmanager.ts'
import { slackCallbacks } from '../webhooks/slack.ts'
import type { SlackAnswers } from './slack-answers.ts'

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
  readonly deployGuards: DeployGuards
  readonly slackAnswers: Pick<SlackAnswers, 'take'>
  /** Whether an alert is the one that always fires. */
  readonly watchdog: NonNullable<AlertmanagerWebhookOptions['watchdog']>
}

/** Adds every route that Astern answers. */
export async function registerRoutes(server: FastifyInstance, parts: RouteParts): Promise<void> {
  const { operations, authenticator, clock, deployGuards } = parts
  registerOpenRoutes(server, operations, () => server.swagger())
  await server.register(async webhooks => registerWebhooks(webhooks, parts))
  await server.register(async callbacks => slackCallbacks(callbacks, parts.slackAnswers))
  await server.register(async api => registerApi(api, { operations, authenticator, clock, deployGuards }))
}

function registerWebhooks(
  webhooks: FastifyInstance,
  { authenticator, ledger, clock, ids, faults, logger, metrics, kick, watchdog }: RouteParts
): void {
  // The bytes are stored and parsed, whatever content type a proxy gave them.
  webhooks.removeAllContentTypeParsers()
  webhooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  webhooks.addHook('onRequest', letIn(authenticator, 'webhook'))
  alertmanagerWebhook(webhooks, {
    ledger,
    clock,
    ids,
    faults,
    watchdog,
    credential: callerOf,
    received({ delivery, source, events, refused }, { seconds, truncated }) {
      for (const [event, count] of events) metrics.incident(event, count)
      for (const [limit, count] of refused) {
        metrics.refusedAlerts(limit, count)
        logger.warn({ delivery, source, limit, count }, 'alerts were refused, because they are over a limit; the others were taken')
      }
      metrics.deliverySeconds(seconds)
      if (truncated > 0) logger.warn({ truncated }, 'the sender cut alerts from a delivery (max_alerts); set max_alerts to 0')
      kick()
    }
  })
}
