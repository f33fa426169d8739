import type { Ledger } from '../domain/ports/ledger.ts'
import { isBlind, type WatchState } from '../domain/watch-state.ts'
import type { Pulse } from './pulse.ts'

export interface VitalSignParts {
  readonly pulse: Pick<Pulse, 'ailments'>
  readonly ledger: Pick<Ledger, 'checkWritable' | 'stuckMessages'>
  /** The channels that are configured, or stand by themselves. */
  readonly channels: () => readonly string[]
  readonly watches: () => readonly WatchState[]
}

/** So many attempts fail within a quarter of an hour. Until then a channel’s own back-off mends what passes. */
const STUCK_AFTER_ATTEMPTS = 10

/** What keeps Astern from doing what it is for, in words; empty where it works. */
export function createVitalSigns({ pulse, ledger, channels, watches }: VitalSignParts): () => Promise<readonly string[]> {
  return async () => {
    const ledgerTrouble = await ledger.checkWritable().then(
      () => [],
      (cause: unknown) => [`the ledger does not take writes: ${cause instanceof Error ? cause.message : String(cause)}`]
    )
    const stuck = await ledger.stuckMessages(channels(), STUCK_AFTER_ATTEMPTS).catch(() => [])
    const states = watches()
    return [
      ...pulse.ailments(),
      ...ledgerTrouble,
      ...(stuck.length === 0 ? [] : [`messages for people are stuck: ${stuck.join(', ')}`]),
      // One kind that is not installed, or may not be watched, is told by itself. No watch at all is another thing.
      ...(states.length > 0 && states.every(isBlind) ? [`the cluster is not seen: ${states[0]?.state ?? ''}`] : [])
    ]
  }
}
