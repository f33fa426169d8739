import { lastChange, lastChangeText } from '../domain/last-change.ts'
import type { GuardSave } from '../domain/ports/guard-ledger.ts'
import type { Workload } from '../domain/workload.ts'
import { endGuard, lookAgain } from './ending.ts'
import type { Remembered } from './memory.ts'
import type { GuardPorts } from './ports.ts'

/**
 * The target has another version than the one that is judged. Where a run of Astern took it back (because of an alert, or of another
 * guard), the guard goes on with that run: it is the same affair. Else somebody deployed, and the guard is over.
 */
export async function replacedBy(ports: GuardPorts, remembered: Remembered, workload: Workload): Promise<GuardSave> {
  const { guard } = remembered
  const { target, version } = guard
  const now = ports.clock.now()
  const facts = await ports.ledger.targetFacts(target, [], '', now)
  const undoneBy =
    facts.bad.find(({ identity }) => identity === version?.identity)?.runId ??
    (workload.templateAt.mark === undefined ? undefined : facts.lockedBy)
  if (undoneBy !== undefined && workload.uid === version?.uid && workload.identity === version?.replaces?.identity) {
    const detail = `run ${undoneBy} took this version back while it was watched`
    return { ...lookAgain({ ...remembered, guard: { ...guard, state: 'acting', detail } }, now), runId: undoneBy }
  }
  const what =
    workload.uid === version?.uid ? `another version was deployed${changeText(workload)}` : 'the target was deleted and made anew'
  return endGuard(remembered, 'superseded', what, now)
}

function changeText(workload: Workload): string {
  const at = workload.templateManagedAt
  return at === undefined ? '' : lastChangeText(lastChange(workload, at))
}
