import type { Ids } from '../base/clock.ts'
import { shared } from '../base/coalesce.ts'
import type { IncidentAnswer } from '../domain/incident.ts'
import type { IntakeLedger, Ledger } from '../domain/ports/ledger.ts'
import type { Database } from './database.ts'
import { type PackedDelivery, packed } from './raw-copies.ts'
import { storeDeliveries } from './store-deliveries.ts'

interface Waiting {
  readonly delivery: PackedDelivery
  readonly resolve: (answers: readonly IncidentAnswer[]) => void
  readonly reject: (cause: unknown) => void
}

/** How many alerts go into one commit: some 50 ms of work, so that one sender's flood does not hold up another's answer for long. */
const ALERTS_PER_COMMIT = 2_000

/** The delivery that is tried is gone before its transaction is over. */
const TRIAL = 'trial'
/** How large a delivery is tried, bytes: it needs a page of its own, as most deliveries do. */
const TRIED = 4_096
/** How much more room must be there after a delivery could not be stored: for what its incidents and audit rows take. */
const TRIED_MORE = 16_384

/**
 * Stores deliveries by group commit: all that came in while one commit was written go into the next one together. Whether the ledger
 * takes writes is found out by writing a delivery. Once that failed, or one that came in could not be stored, no delivery is taken
 * until it works: so Astern is ready exactly when deliveries are taken.
 */
export function createIntake(database: Database, ids: Ids): IntakeLedger & Pick<Ledger, 'checkWritable'> {
  // The size of the delivery that could not be stored, if that was the last one, bytes.
  let owed = 0
  let closed = false
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
        closed = true
        owed = TRIED_MORE + Math.max(...batch.map(waiting => waiting.delivery.copy.body.length))
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

  // Who ask at the same time share one write: anybody may ask.
  const checkWritable = shared(async () => {
    const size = Math.max(TRIED, owed)
    try {
      await database.transaction(async tx => {
        const body = new Uint8Array(size)
        await tx.insertMany('deliveries', [{ id: TRIAL, part: 0, received_at: 0, source: '', encoding: 'plain', bytes: size, body }])
        await tx.query.deleteFrom('deliveries').where('id', '=', TRIAL).execute()
      })
    } catch (cause) {
      closed = true
      throw cause
    }
    closed = false
    owed = 0
  })

  return {
    async receive(delivery) {
      if (closed) await checkWritable()
      const ready = await packed(delivery)
      return new Promise((resolve, reject) => {
        queue.push({ delivery: ready, resolve, reject })
        // The commit begins after this turn of the event loop, so that requests that arrived together share it.
        if (!running) {
          running = true
          setImmediate(() => void drain())
        }
      })
    },
    pending: () => queue.length,
    checkWritable
  }
}
