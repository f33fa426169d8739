import { SECOND } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { audited } from '../domain/audited.ts'
import type { GuardSave } from '../domain/ports/guard-ledger.ts'
import type { GuardedLook } from '../domain/ports/guarded-cluster.ts'
import { endGuard, lookAgain } from './ending.ts'
import type { Remembered } from './memory.ts'
import type { GuardPorts } from './ports.ts'
import { versionKey, versionOf } from './version.ts'

/** How often a guard looks while it waits for something. */
export const WAIT_LOOK_MS = 2 * SECOND
/** How long the cluster may be away beyond the guard’s own time before the guard gives up. */
const AWAY_MS = 60 * SECOND

/** Waits until the controller has seen the version that is to be judged. */
export async function waitForVersion(ports: GuardPorts, remembered: Remembered, signal: AbortSignal): Promise<GuardSave> {
  const { ledger, cluster, clock } = ports
  const { guard } = remembered
  const { target, options } = guard
  const looked = await cluster.look(target, undefined, signal)
  const now = clock.now()
  const until = guard.createdAt + options.timeout
  if (looked.kind !== 'found') return notFound(remembered, looked, { now, until })
  const facts = await ledger.targetFacts(target, [], '', now)
  const found = versionOf({ workload: looked.workload, facts, options, clusterOffset: cluster.clockOffset(), now })
  if (found.kind === 'version') {
    const { version } = found
    return {
      ...lookAgain({ ...remembered, guard: { ...guard, state: 'watching', version } }, now),
      key: versionKey(version)
    }
  }
  if (found.kind === 'over') return endGuard(remembered, 'superseded', found.detail, now)
  if (now < until) return lookAgain(remembered, now + WAIT_LOOK_MS, found.awaits)
  const detail = `it did not come within ${formatDuration(options.timeout)}: ${found.awaits}`
  return endGuard(remembered, 'inconclusive', detail, now)
}

/** The workload could not be read: it is gone, or waited for a while longer than the guard would watch. */
export function notFound(
  remembered: Remembered,
  { kind, detail }: Exclude<GuardedLook, { readonly kind: 'found' }>,
  { now, until }: { readonly now: number; readonly until: number }
): GuardSave {
  if (kind === 'not-found') return endGuard(remembered, 'superseded', `the target is gone: ${detail}`, now)
  if (now < until + AWAY_MS) return lookAgain(remembered, now + WAIT_LOOK_MS, `the cluster: ${detail}`)
  return endGuard(remembered, 'unreachable', `the cluster could not be read: ${detail}`, now)
}

/** The audit row that says which version is judged, and by what. */
export function judgesEntry({ guard }: Remembered, said: readonly string[], at: number) {
  const { version } = guard
  return audited.guardJudges(
    { at },
    {
      guard: guard.id,
      target: guard.target,
      version: version?.identity ?? '',
      ...(version?.replaces === undefined ? {} : { replaces: version.replaces.identity }),
      said
    }
  )
}
