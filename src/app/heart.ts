import { type Heartbeat, type HeartbeatOptions, startHeartbeat } from '../notify/heartbeat.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createVitalSigns, type VitalSignParts } from './vital-signs.ts'

export interface HeartParts extends VitalSignParts, Pick<HeartbeatOptions, 'settings' | 'http' | 'readFile' | 'clock'> {
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'heartbeat'>
}

/** Puts the outward heartbeat together: what it looks at, where it goes, and what is told of it. */
export function startHeart({ logger, metrics, settings, http, readFile, clock, ...signs }: HeartParts): Heartbeat {
  return startHeartbeat({
    settings,
    http,
    readFile,
    clock,
    ailments: createVitalSigns(signs),
    beaten({ result, detail }, { worthALine }) {
      metrics.heartbeat(result)
      if (!worthALine) return
      switch (result) {
        case 'sent':
          return logger.info('the heartbeat is sent again')
        case 'failed':
          return logger.warn({ detail }, 'the heartbeat cannot be sent: whoever listens takes Astern for dead')
        case 'withheld':
          return logger.error({ detail }, 'the heartbeat is withheld: Astern does not work as it should')
      }
    }
  })
}
