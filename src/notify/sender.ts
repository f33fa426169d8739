import type { Clock } from '../base/clock.ts'
import type { Channel, Delivered, Fallback, QueuedMessage } from '../domain/message.ts'
import type { Faults } from '../domain/ports/faults.ts'
import type { OutboxLedger } from '../domain/ports/ledger.ts'

export interface SenderOptions {
  readonly ledger: OutboxLedger
  readonly clock: Clock
  readonly faults: Faults
  readonly channel: (name: string) => Channel | undefined
  readonly fallbacks: () => ReadonlyMap<string, Fallback>
  readonly sent: (queued: QueuedMessage, result: Delivered) => void
  readonly failed: (what: string, cause: unknown) => void
  /** Is called when a turn was finished in which nothing failed. */
  readonly turned?: () => void
}

const FIRST_RETRY_MS = 1_000
/** Even after hours of failure a message is tried again every five minutes, because people wait for it. */
const LAST_RETRY_MS = 5 * 60_000
const LONGEST_PATIENCE_MS = 60 * 60_000
const IDLE_MS = 1_000
const DEADLINE_MS = 15_000
/** Four times the deadline. A living sender has settled by then, and a message of a dead one is sent again after a minute. */
const LEASE_MS = 60_000

/** How long to wait after so many attempts, milliseconds. The time doubles, up to a limit. */
export function retryAt(attempts: number, now: number): number {
  return now + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 20))
}

/** The channel’s own word on when to try again counts, where it is later than ours. It counts up to an hour, because people wait. */
function nextTry({ attempts }: QueuedMessage, result: Delivered, now: number): number {
  const asked = result.kind === 'failed' ? Math.min(result.retryAfterMs ?? 0, LONGEST_PATIENCE_MS) : 0
  return Math.max(retryAt(attempts, now), now + asked)
}

/** Sends the messages of the outbox at least once each, with back-off. A channel that fails does not hold up the others. */
export function startSender(options: SenderOptions): { kick(): void; stop(): Promise<void> } {
  const { ledger, clock } = options
  const stopping = new AbortController()
  let wake: (() => void) | undefined
  let kicked = false

  async function send(queued: QueuedMessage): Promise<void> {
    const channel = options.channel(queued.message.channel)
    let result: Delivered
    if (channel === undefined) result = { kind: 'failed', detail: `there is no channel ${queued.message.channel} any more` }
    else {
      try {
        const { message, revision, memory } = queued
        const sending = { revision, ...(memory === undefined ? {} : { memory }) }
        result = await channel.send(message, sending, AbortSignal.any([stopping.signal, AbortSignal.timeout(DEADLINE_MS)]))
      } catch (cause) {
        result = { kind: 'failed', detail: cause instanceof Error ? cause.message : String(cause) }
      }
    }
    options.faults.reach('message-sent')
    if (stopping.signal.aborted && result.kind !== 'delivered') return
    const now = clock.now()
    await ledger.messageSent(queued, result, nextTry(queued, result, now), now)
    options.sent(queued, result)
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      kicked = false
      try {
        const now = clock.now()
        await ledger.tendMessages(options.fallbacks(), now)
        const due = await ledger.claimMessages(now, now + LEASE_MS, 50)
        await Promise.all(due.map(send))
        options.turned?.()
        if (due.length > 0 || kicked) continue
        const at = await ledger.nextMessageAt()
        await pause(at === undefined ? IDLE_MS : Math.min(IDLE_MS, Math.max(10, at - clock.now())))
      } catch (cause) {
        options.failed('sending messages', cause)
        await pause(IDLE_MS)
      }
    }
  }

  async function pause(ms: number): Promise<void> {
    const waking = new AbortController()
    wake = () => waking.abort()
    await clock.sleep(ms, AbortSignal.any([waking.signal, stopping.signal])).catch(() => {})
  }

  const running = loop()
  return {
    kick() {
      kicked = true
      wake?.()
    },
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await running
    }
  }
}
