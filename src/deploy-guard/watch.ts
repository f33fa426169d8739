import { SECOND } from '../base/clock.ts'
import type { DeployGuard, JudgedVersion } from '../domain/deploy-guard.ts'
import type { GuardSave } from '../domain/ports/guard-ledger.ts'
import type { Workload } from '../domain/workload.ts'
import { standingOf } from '../verification/sequential/standing.ts'
import { failed } from './act.ts'
import { countBlocks, prepared } from './count.ts'
import { endGuard, lookAgain } from './ending.ts'
import { failFast } from './fail-fast.ts'
import { nextLook } from './looks.ts'
import type { Remembered } from './memory.ts'
import { rememberPods } from './pod-memory.ts'
import { type GuardPorts, metricsOf } from './ports.ts'
import { replacedBy } from './replaced.ts'
import { reportedOf } from './reported.ts'
import type { Numbers } from './sessions.ts'
import { notFound } from './wait.ts'

/** How often pods are looked at between two blocks. */
const POD_LOOK_MS = 5 * SECOND

/** One look at a rollout: pods, what Kubernetes shows of them, and the blocks that are over by now. */
export async function watchRollout(ports: GuardPorts, numbers: Numbers, remembered: Remembered, signal: AbortSignal): Promise<GuardSave> {
  const { guard, memory } = remembered
  const { target, version, options } = guard
  if (version === undefined) throw new Error(`guard ${guard.id} watches no version`)
  const looked = await ports.cluster.look(target, version.identity, signal)
  const now = ports.clock.now()
  const until = version.changedAt + options.timeout
  if (looked.kind !== 'found') return notFound(remembered, looked, { now, until: Math.max(until, guard.createdAt) })
  const { workload } = looked
  if (workload.uid !== version.uid || workload.identity !== version.identity) return replacedBy(ports, remembered, workload)
  const { memory: podMemory, pods } = rememberPods(memory.pods, { at: now, pods: looked.pods })
  const { identity, changedAt } = version
  const { state: failures, finding } = failFast(memory.failures, { at: now, workload, pods, identity, changedAt })
  const seen: Remembered = { guard: withoutFailing(guard), memory: { ...memory, pods: podMemory, failures } }
  if (finding.kind === 'failing') return failed(ports, { ...seen, guard: { ...seen.guard, failing: finding.text } }, finding.text)
  const { audit, ...ready } = await prepared(ports, numbers, { ...seen, pods, now }, signal)
  const counted = await countBlocks(ports, numbers, { ...ready, pods, now }, signal)
  const reported = await reportedOf({ guard: counted.guard, asked: metricsOf(ports, guard), pods, now }, numbers, signal)
  const told = reported.length === 0 ? counted : { ...counted, guard: { ...counted.guard, reported } }
  ports.faults.reach('guard-looked')
  const save = verdict(ports, { ...told, awaited: finding.kind === 'nothing' ? undefined : finding.text }, workload)
  return audit.length === 0 ? save : { ...save, audit: [...audit, ...save.audit] }
}

function withoutFailing({ failing: _before, ...guard }: DeployGuard): DeployGuard {
  return guard
}

interface Counted extends Remembered {
  /** What pods suffer from that waiting may end, or that old pods suffer as well. */
  readonly awaited: string | undefined
}

/** What follows from all that was counted so far. */
function verdict(ports: GuardPorts, { guard, memory, awaited }: Counted, workload: Workload): GuardSave {
  const now = ports.clock.now()
  const { version, options } = guard
  const until = (version?.changedAt ?? guard.createdAt) + options.timeout
  const { watching, cannot, tooMuch } = memory
  if (tooMuch !== undefined) return endGuard({ guard, memory }, 'inconclusive', tooMuch, now)
  if (watching === undefined) {
    const why = cannot ?? guard.awaits ?? awaited ?? 'nothing can be counted'
    return now < until
      ? lookAgain({ guard, memory }, Math.min(now + POD_LOOK_MS, until), awaited ?? cannot ?? guard.awaits)
      : endGuard({ guard, memory }, 'inconclusive', why, now)
  }
  const { watch, state } = watching
  const { settings } = watch
  const standing = standingOf(settings, state)
  const { grounds, ...kind } = standing
  const stood: Remembered = { memory, guard: { ...guard, standing: { ...grounds, ...kind } } }
  const [headline = ''] = standing.text
  switch (standing.kind) {
    case 'fail':
      return failed(ports, stood, headline)
    case 'inconclusive':
      return endGuard(stood, 'inconclusive', awaited === undefined ? headline : `${headline}; ${awaited}`, now)
    case 'pass':
      if (!isOver(workload, version))
        return now < until
          ? lookAgain(stood, Math.min(now + POD_LOOK_MS, until), `the rollout: ${workload.rollout.detail}`)
          : endGuard(stood, 'inconclusive', `${headline}; but the rollout is not complete: ${workload.rollout.detail}`, now)
      return endGuard(stood, 'pass', headline, now)
    case 'watching':
      return lookAgain(stood, Math.min(now + POD_LOOK_MS, nextLook(watch, state.counting, now).dueAt), awaited ?? standing.awaits)
  }
}

/** Whether all pods have the version that are to have it: one that somebody holds back, or paused, is judged by what it has. */
function isOver({ rollout, paused, strategy, partition }: Workload, version: JudgedVersion | undefined): boolean {
  return version !== undefined && (rollout.state === 'complete' || paused || strategy === 'OnDelete' || (partition ?? 0) > 0)
}
