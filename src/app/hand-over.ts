import type { HandOverRequest, Operations } from '../api/operations.ts'
import type { Clock } from '../base/clock.ts'
import type { HandOverLedger } from '../domain/ports/hand-over-ledger.ts'
import type { Logger } from '../telemetry/logger.ts'

export interface HandOverParts {
  readonly ledger: Pick<HandOverLedger, 'handOver'>
  readonly clock: Clock
  /** The channels that hear of changes. */
  readonly channels: () => readonly string[]
  readonly recorder: Pick<Logger, 'info'>
  /** Lets the run and its messages go on at once. */
  readonly kick: () => void
}

/** Hands affairs over, whoever asks and by whichever road: the API, or a button. */
export function createHandOver({ ledger, clock, channels, recorder, kick }: HandOverParts): Operations['handOver'] {
  return async ({ runId, who, reason, stopWatching }: HandOverRequest) => {
    const to = {
      ...who,
      at: clock.now(),
      ...(reason === undefined || reason === '' ? {} : { reason }),
      ...(stopWatching ? { stop: true as const } : {})
    }
    const result = await ledger.handOver({ runId, to, channels: channels() })
    if (result.kind === 'handed' && !result.again) {
      recorder.info({ run: runId, by: who.by, via: who.via, person: who.person, stopWatching }, 'somebody has taken it over')
      kick()
    }
    return result
  }
}
