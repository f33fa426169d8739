import type { Delivered, QueuedMessage } from '../domain/message.ts'
import { targetKey } from '../domain/objects.ts'
import type { Run } from '../domain/run.ts'
import { askedBy, incidentOf } from '../domain/trigger.ts'
import type { Recorder } from '../pipeline/ports.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** While a source is slowed, the log says so this often, milliseconds. */
const SLOWED_LINE_EVERY_MS = 60_000

/** Records what happens as log lines and metrics. */
export function createRecorder(logger: Logger, metrics: Metrics): Recorder & { sent(queued: QueuedMessage, result: Delivered): void } {
  const about = (run: Run) => ({
    run: run.id,
    incident: incidentOf(run.trigger)?.id,
    askedBy: askedBy(run.trigger),
    policy: run.policy.name,
    target: run.target === undefined ? undefined : targetKey(run.target)
  })
  const slowedAt = new Map<string, number>()
  return {
    waiting(run, reason, detail) {
      metrics.waiting(reason)
      logger.info({ ...about(run), reason, detail }, 'run waits')
    },
    concluded(run, outcome, reason, detail) {
      metrics.concluded(outcome, reason)
      logger.info({ ...about(run), outcome, reason, detail }, 'run ended')
    },
    wrote(run, action) {
      metrics.wrote(action)
      logger.warn({ ...about(run), action }, 'wrote to the cluster')
    },
    slowed(source, incidents, at) {
      metrics.slowed(incidents)
      const told = slowedAt.get(source)
      if (told !== undefined && at - told < SLOWED_LINE_EVERY_MS) return
      slowedAt.set(source, at)
      logger.warn({ source, incidents }, 'a source sends very many alerts: its new incidents are admitted slowly, and none is dropped')
    },
    sampled: sample => metrics.sampled(sample.verdict, sample.problem),
    failed(what, cause) {
      metrics.error()
      logger.error({ err: cause, what }, 'something failed inside Astern')
    },
    sent(queued, result) {
      metrics.delivered(result.kind)
      const attempt = { channel: queued.message.channel, key: queued.message.key, attempt: queued.attempts + 1 }
      if (result.kind === 'delivered') logger.info(attempt, 'people were told')
      else logger.warn({ ...attempt, detail: result.detail }, 'people could not be told yet')
    }
  }
}
