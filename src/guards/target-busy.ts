import type { Guard } from '../domain/guard.ts'

/** Refuses early where another run works on the target (promise 4). The lock itself is taken with the intent. */
export const targetBusy: Guard = {
  name: 'target-busy',
  check({ facts, run }) {
    return facts.lockedBy === undefined || facts.lockedBy === run.id
      ? undefined
      : { reason: 'target-busy', detail: `run ${facts.lockedBy} works on the target` }
  }
}
