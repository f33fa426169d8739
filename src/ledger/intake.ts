import type { Ids } from '../base/clock.ts'
import type { Delivery, IncidentAnswer } from '../domain/incident.ts'
import type { IntakeLedger } from '../domain/ports/ledger.ts'
import type { Database } from './database.ts'
import { storeDeliveries } from './store-deliveries.ts'

interface Waiting {
  readonly delivery: Delivery
  readonly resolve: (answers: readonly IncidentAnswer[]) => void
  readonly reject: (cause: unknown) => void
}

/** How many alerts go into one commit: some 50 ms of work, so that one sender's flood does not hold up another's answer for long. */
const ALERTS_PER_COMMIT = 2_000

/** Stores deliveries by group commit: all that came in while one commit was written go into the next one together. */
export function createIntake(database: Database, ids: Ids): IntakeLedger {
  let queue: Waiting[] = []
  let running = false

  async function drain(): Promise<void> {
    running = true
    while (queue.length > 0) {
      const batch = takeBatch()
      try {
        const deliveries = batch.map(waiting => waiting.delivery)
        const offered = deliveries.flatMap(delivery => delivery.alerts.map(() => ids.next()))
        const answers = await database.transaction(tx => storeDeliveries(tx, deliveries, offered))
        for (const [index, waiting] of batch.entries()) waiting.resolve(answers[index] ?? [])
      } catch (cause) {
        for (const waiting of batch) waiting.reject(cause)
      }
    }
    running = false
  }

  function takeBatch(): Waiting[] {
    let alerts = 0
    const end = queue.findIndex(waiting => {
      alerts += waiting.delivery.alerts.length
      return alerts > ALERTS_PER_COMMIT
    })
    const count = end === -1 ? queue.length : Math.max(1, end)
    const batch = queue.slice(0, count)
    queue = queue.slice(count)
    return batch
  }

  return {
    receive: delivery =>
      new Promise((resolve, reject) => {
        queue.push({ delivery, resolve, reject })
        // The commit begins after this turn of the event loop, so that requests that arrived together share it.
        if (!running) {
          running = true
          setImmediate(() => void drain())
        }
      }),
    pending: () => queue.length
  }
}
