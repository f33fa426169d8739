import { type Clock, type Ids, MINUTE, SECOND } from '../base/clock.ts'
import { audited } from '../domain/audited.ts'
import { type BegunBlindness, BLINDNESSES, type Blindness, type Sight } from '../domain/blindness.ts'
import type { BlindLedger } from '../domain/ports/blind-ledger.ts'
import type { Channels } from '../domain/ports/channels.ts'
import { blindMessages, seesMessages } from './messages.ts'
import { lookedOn, type Patience, type Seen } from './patience.ts'

export interface LookoutPorts {
  readonly clock: Clock
  readonly ids: Ids
  readonly ledger: Pick<BlindLedger, 'blindnesses' | 'beginBlindness' | 'changeBlindness' | 'endBlindness'>
  readonly channels: Channels
  /** The channels that are told. */
  readonly to: () => readonly string[]
  /** How far Astern sees. None of them throws for what the other side does. */
  readonly sights: Readonly<Record<Blindness, (signal: AbortSignal) => Promise<Sight>>>
  readonly patience: (kind: Blindness) => Patience
  readonly told: (kind: Blindness, how: 'began' | 'over', detail: string) => void
  readonly failed: (what: string, cause: unknown) => void
  /** Is called when a turn was finished in which nothing failed. */
  readonly turned?: () => void
}

/** How Astern sees in one way, for `astern status` and the metric. */
export interface SightState {
  readonly kind: Blindness
  /** `doubtful`: it looks blind, and that may pass. */
  readonly state: 'sees' | 'doubtful' | 'blind' | 'unknown' | 'off'
  readonly detail: string
  /** Since when it is blind. */
  readonly since?: number
}

export interface Lookout {
  /** How it was at the last look. Before the first one all is unknown. */
  states(): readonly SightState[]
  start(): void
  stop(): Promise<void>
  /** Looks once. For tests. */
  look(): Promise<void>
}

const EVERY_MS = 15 * SECOND
/** The deadline of one look; each call has its own besides. */
const LOOK_WITHIN_MS = 30 * SECOND
/** What is known of a blindness may change with each look. People are told of that this often at most. */
const CHANGES_EVERY_MS = 5 * MINUTE

/** Looks again and again whether Astern still hears and sees, and tells people when it does not, and when it does again. */
export function createLookout(ports: LookoutPorts): Lookout {
  const { clock, ledger } = ports
  const stopping = new AbortController()
  const seen = new Map<Blindness, Seen>()
  const changedAt = new Map<Blindness, number>()
  let states: readonly SightState[] = BLINDNESSES.map(kind => ({ kind, state: 'unknown', detail: 'Astern has not looked yet' }))
  let loop: Promise<void> | undefined

  async function look(): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LOOK_WITHIN_MS)])
    const begun = new Map((await ledger.blindnesses()).map(one => [one.kind, one]))
    const next = await Promise.all(BLINDNESSES.map(async kind => settle(kind, await ports.sights[kind](signal), begun.get(kind))))
    states = next
  }

  async function settle(kind: Blindness, sight: Sight, before: BegunBlindness | undefined): Promise<SightState> {
    const now = clock.now()
    const looked = lookedOn(seen.get(kind) ?? {}, { sight, begun: before !== undefined, now }, ports.patience(kind))
    seen.set(kind, looked.seen)
    const detail = sight.kind === 'off' ? 'nobody asks for it' : sight.detail
    if (looked.step === 'begin') await begin(kind, detail, now)
    else if (looked.step === 'end' && before !== undefined) await end(before, detail, now)
    else if (before !== undefined && sight.kind === 'blind' && detail !== before.detail) await change({ ...before, detail }, now)
    return told(kind, sight, looked.step === 'begin' ? now : looked.step === 'end' ? undefined : before?.since, detail)
  }

  async function begin(kind: Blindness, detail: string, since: number): Promise<void> {
    const begun: BegunBlindness = { kind, id: ports.ids.next(), since, detail, channels: ports.to() }
    const audit = [audited.blindnessBegan({ at: since }, { blindness: kind, id: begun.id, detail, told: begun.channels })]
    if (!(await ledger.beginBlindness(begun, { messages: blindMessages(begun, ports.channels), audit }))) return
    changedAt.set(kind, since)
    ports.told(kind, 'began', detail)
  }

  async function change(begun: BegunBlindness, now: number): Promise<void> {
    if (now - (changedAt.get(begun.kind) ?? begun.since) < CHANGES_EVERY_MS) return
    changedAt.set(begun.kind, now)
    await ledger.changeBlindness(begun, { messages: blindMessages(begun, ports.channels), audit: [] }, now)
  }

  async function end(begun: BegunBlindness, detail: string, now: number): Promise<void> {
    const { kind, id } = begun
    const audit = [audited.blindnessOver({ at: now }, { blindness: kind, id, detail })]
    if (await ledger.endBlindness(begun, { messages: seesMessages(begun, detail, ports.channels), audit }, now))
      ports.told(kind, 'over', detail)
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await look()
        ports.turned?.()
      } catch (cause) {
        if (!stopping.signal.aborted) ports.failed('looking out', cause)
      }
      await clock.sleep(EVERY_MS, stopping.signal).catch(() => {})
    }
  }

  return {
    states: () => states,
    start() {
      loop ??= run()
    },
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await loop
    },
    look
  }
}

/** @param since when it began to be blind, where it is */
function told(kind: Blindness, sight: Sight, since: number | undefined, detail: string): SightState {
  if (since !== undefined) return { kind, state: 'blind', detail, since }
  return { kind, state: sight.kind === 'blind' ? 'doubtful' : sight.kind, detail }
}
