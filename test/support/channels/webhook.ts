import { createHmac } from 'node:crypto'
import { textAt } from '../../../src/base/json.ts'
import type { Seen, Shown, StandIn } from './stand-in.ts'

export interface Webhook extends StandIn {
  /** The requests by their `Idempotency-Key`, oldest first: the same key is the same message, and is taken once. */
  readonly taken: Map<string, Seen>
  /** How often a key came again. */
  repeated: number
  shows(subject: string): Shown
}

export const WEBHOOK_SECRET = 's3cret'

const SHOWN: Readonly<Record<string, Shown>> = { acted: 'notice', 'needs-people': 'call', approval: 'call', update: 'call', over: 'over' }

/** Any other tool: it checks the signature, and takes each key once. */
export function webhook(): Webhook {
  const taken = new Map<string, Seen>()
  const state: Webhook = {
    taken,
    repeated: 0,
    shows(subject) {
      const last = [...taken.values()].filter(({ body }) => textAt(body, 'subject', 'id') === subject).at(-1)
      return SHOWN[textAt(last?.body, 'event') ?? ''] ?? 'nothing'
    },
    answer(seen) {
      const timestamp = String(seen.headers['x-astern-timestamp'])
      const signature = createHmac('sha256', WEBHOOK_SECRET).update(`${timestamp}.${seen.raw}`).digest('hex')
      if (!/^\d+$/.test(timestamp) || seen.headers['x-astern-signature'] !== `v1=${signature}`) return { status: 401 }
      const key = String(seen.headers['idempotency-key'])
      if (taken.has(key)) state.repeated += 1
      else taken.set(key, seen)
      return { status: 204 }
    }
  }
  return state
}
