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
/** How many messages one channel is given at once. Slack takes about one a second in a channel, and short bursts. */
const AT_ONCE = 16
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

/** Sends the messages of the outbox at least once each, with back-off. A channel that fails, or answers late, holds up no other. */
export function startSender(options: SenderOptions): { kick(): void; stop(): Promise<void> } {
  const { ledger, clock } = options
  const stopping = new AbortController()
  /** What each channel that is busy was given. */
  const sending = new Map<string, Promise<void>>()
  let wake: (() => void) | undefined
  let kicked = false

  async function send(queued: QueuedMessage): Promise<void> {
    const channel = options.channel(queued.message.channel)
    let result: Delivered
    if (channel === undefined) result = { kind: 'failed', detail: `there is no channel ${queued.message.channel} any more` }
    else {
      try {
        const { message, revision, memory } = queued
        const state = { revision, ...(memory === undefined ? {} : { memory }) }
        result = await channel.send(message, state, AbortSignal.any([stopping.signal, AbortSignal.timeout(DEADLINE_MS)]))
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

  async function sendAll(channel: string, messages: readonly QueuedMessage[]): Promise<void> {
    for (const settled of await Promise.allSettled(messages.map(send)))
      if (settled.status === 'rejected') options.failed('sending messages', settled.reason)
    sending.delete(channel)
    kick()
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      kicked = false
      try {
        const now = clock.now()
        await ledger.tendMessages(options.fallbacks(), now)
        const due = await ledger.claimMessages(now, now + LEASE_MS, AT_ONCE, [...sending.keys()])
        for (const [channel, messages] of Map.groupBy(due, ({ message }) => message.channel))
          sending.set(channel, sendAll(channel, messages))
        options.turned?.()
        if (kicked) continue
        const at = await ledger.nextMessageAt([...sending.keys()])
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

  function kick(): void {
    kicked = true
    wake?.()
  }

  const running = loop()
  return {
    kick,
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await running
      await Promise.all(sending.values())
    }
  }
}
