import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock, Ids } from '../base/clock.ts'
import type { Credential } from '../domain/credential.ts'
import type { IncidentAnswer } from '../domain/incident.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { IntakeLedger } from '../domain/ports/ledger.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { parseAlertmanagerPayload } from './alertmanager-payload.ts'

export interface AlertmanagerWebhookOptions {
  readonly ledger: IntakeLedger
  readonly clock: Clock
  readonly ids: Ids
  readonly faults: Faults
  /** The credential of a caller who has the role `webhook`. */
  readonly credential: (request: FastifyRequest) => Credential
  readonly received: (answers: readonly IncidentAnswer[], seconds: number, truncated: number) => void
  readonly refused: (why: 'malformed' | 'unavailable') => void
}

/** The limit of a body, bytes: a group of thousands of alerts at one to two kilobytes each (facts A.1). */
export const BODY_LIMIT_BYTES = 10 * 1024 * 1024
/** How many deliveries may wait for a commit. A commit takes milliseconds, so with more than this the disk does not keep up. */
const INTAKE_LIMIT = 2_000

/** Adds `POST /webhooks/alertmanager`, which answers 202 once the delivery is durable. It does no other work while the sender waits. */
export function alertmanagerWebhook(server: FastifyInstance, options: AlertmanagerWebhookOptions): void {
  server.post(
    '/webhooks/alertmanager',
    { bodyLimit: BODY_LIMIT_BYTES, schema: { summary: 'Alertmanager’s webhook, payload version 4.', tags: ['senders'] } },
    async (request, reply) => {
      const started = options.clock.now()
      const raw = typeof request.body === 'string' ? request.body : ''
      const payload = parseAlertmanagerPayload(parseJson(raw, options))
      if ('message' in payload) {
        options.refused('malformed')
        throw new HttpProblem(400, 'Malformed payload', `${payload.path === '' ? 'the body' : payload.path} ${payload.message}`, {
          more: { path: payload.path }
        })
      }
      if (options.ledger.pending() >= INTAKE_LIMIT) {
        options.refused('unavailable')
        // The answer is 503 and never 429, because Alertmanager does not try a 429 again (facts A.6).
        throw new HttpProblem(503, 'Intake is full', 'more deliveries wait for the disk than can be held; send it again')
      }
      options.faults.reach('delivery-received')
      const id = options.ids.next()
      let answers: readonly IncidentAnswer[]
      try {
        answers = await options.ledger.receive({
          id,
          receivedAt: started,
          source: options.credential(request).source,
          externalUrl: payload.externalUrl,
          receiver: payload.receiver,
          groupKey: payload.groupKey,
          truncated: payload.truncated,
          alerts: payload.alerts,
          raw
        })
      } catch (cause) {
        options.refused('unavailable')
        throw new HttpProblem(503, 'The ledger does not take writes', 'the delivery was not stored; send it again', { cause })
      }
      options.faults.reach('delivery-stored')
      options.received(answers, (options.clock.now() - started) / 1_000, payload.truncated)
      return reply.code(202).send({ delivery: id, incidents: answers })
    }
  )
}

function parseJson(raw: string, options: AlertmanagerWebhookOptions): unknown {
  try {
    return JSON.parse(raw)
  } catch (cause) {
    options.refused('malformed')
    throw new HttpProblem(400, 'Malformed payload', `the body is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
