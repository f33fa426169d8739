import { formatDuration } from '../base/duration.ts'
import type { Guard } from '../domain/guard.ts'
import { begunAt } from '../domain/trigger.ts'

/** Time must pass between runs on a target, not between rungs. It is for runs whose trigger came after the earlier run ended (rules 4). */
export const cooldown: Guard = {
  name: 'cooldown',
  check({ facts, policy, run, now }) {
    const last = facts.lastRun
    if (last === undefined || begunAt(run.trigger) <= last.endedAt) return undefined
    const over = last.endedAt + policy.guards.cooldown
    return now < over
      ? {
          reason: 'cooldown',
          detail: `run ${last.id} wrote to the target and ended ${formatDuration(Math.max(1_000, Math.round((now - last.endedAt) / 1_000) * 1_000))} ago; the cooldown is ${formatDuration(policy.guards.cooldown)}`
        }
      : undefined
  }
}
