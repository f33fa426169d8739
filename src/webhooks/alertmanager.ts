import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock, Ids } from '../base/clock.ts'
import type { AlertLimit } from '../domain/alert-limits.ts'
import type { Credential } from '../domain/credential.ts'
import type { Alert, Delivery, IncidentAnswer } from '../domain/incident.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { IntakeLedger } from '../domain/ports/ledger.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { type Payload, readPayload } from './payload-pieces.ts'

export interface AlertmanagerWebhookOptions {
  readonly ledger: IntakeLedger
  readonly clock: Clock
  readonly ids: Ids
  readonly faults: Faults
  /** The credential of a caller who has the role `webhook`. */
  readonly credential: (request: FastifyRequest) => Credential
  /** Whether an alert is the one that always fires. */
  readonly watchdog?: (labels: Alert['labels'], source: string) => boolean
  /** `truncated` is how many alerts the sender itself left out; the time is that of the whole request. */
  readonly received: (stored: StoredDelivery, more: { readonly seconds: number; readonly truncated: number }) => void
}

/** What became of a delivery that was taken. */
export interface StoredDelivery {
  readonly delivery: string
  readonly source: string
  /** What the first alerts did. */
  readonly answers: readonly IncidentAnswer[]
  /** How many more alerts were taken than are told of here. */
  readonly more: number
  /** How many alerts did what. */
  readonly events: ReadonlyMap<IncidentAnswer['state'], number>
  /** How many alerts are over which limit. */
  readonly refused: ReadonlyMap<AlertLimit, number>
}

/** For so many alerts the answer says what they did. Alertmanager reads none of it; a person who tries it out sends a few. */
const ANSWERED = 1_000
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
      const payload = await readPayload(request.body instanceof Uint8Array ? request.body : new Uint8Array())
      if ('message' in payload) {
        throw new HttpProblem(400, 'Malformed payload', `${payload.path === '' ? 'the body' : payload.path} ${payload.message}`, {
          more: { path: payload.path }
        })
      }
      if (options.ledger.pending() >= INTAKE_LIMIT) {
        // The answer is 503 and never 429, because Alertmanager does not try a 429 again (facts A.6).
        throw new HttpProblem(503, 'Intake is full', 'more deliveries wait for the disk than can be held; send it again')
      }
      options.faults.reach('delivery-received')
      const stored = await store(payload, { id: options.ids.next(), source: options.credential(request).source, receivedAt: started })
      options.faults.reach('delivery-stored')
      const { head } = payload
      options.received(stored, { seconds: (options.clock.now() - started) / 1_000, truncated: head.truncated })
      const { delivery, answers, more, refused } = stored
      return reply.code(202).send({
        delivery,
        incidents: answers,
        ...(more === 0 ? {} : { more }),
        ...(refused.size === 0 ? {} : { refused: Object.fromEntries(refused) })
      })
    }
  )

  /** Stores all parts of a delivery. A sender that hears of a failure sends all of them again: what is stored then is a heartbeat. */
  async function store(payload: Payload, about: Pick<Delivery, 'id' | 'source' | 'receivedAt'>): Promise<StoredDelivery> {
    const answers: IncidentAnswer[] = []
    const refused = new Map<AlertLimit, number>()
    const events = new Map<IncidentAnswer['state'], number>()
    let part = 0
    let all = 0
    for await (const { alerts: read, refused: over, raw } of payload.pieces()) {
      const alerts = read.map(alert =>
        options.watchdog?.(alert.labels, about.source) === true ? { ...alert, watchdog: true as const } : alert
      )
      if (part > 0) options.faults.reach('delivery-part-stored')
      const some = await options.ledger
        .receive({ ...about, externalUrl: payload.head.externalUrl, alerts, refused: over, raw, part })
        .catch((cause: unknown) => {
          throw new HttpProblem(503, 'The ledger does not take writes', 'the delivery was not stored; send it again', { cause })
        })
      for (const { state } of some) events.set(state, (events.get(state) ?? 0) + 1)
      for (const { limit } of over) refused.set(limit, (refused.get(limit) ?? 0) + 1)
      answers.push(...some.slice(0, ANSWERED - answers.length))
      all += some.length
      part += 1
    }
    return { delivery: about.id, source: about.source, answers, more: all - answers.length, events, refused }
  }
}
