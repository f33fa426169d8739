import { SECOND } from '../base/clock.ts'
import type { DeployGuard, GuardPolicy } from '../domain/deploy-guard.ts'
import { policyOfGuard } from '../domain/guard-entries.ts'
import { newRun, startedEntry } from '../domain/new-run.ts'
import { targetKey } from '../domain/objects.ts'
import type { GuardSave } from '../domain/ports/guard-ledger.ts'
import type { Run } from '../domain/run.ts'
import { endGuard, lookAgain, textOf } from './ending.ts'
import type { Remembered } from './memory.ts'
import type { GuardPorts } from './ports.ts'
import { versionKey } from './version.ts'

/** How often a guard looks at the run that it began. */
const RUN_LOOK_MS = 2 * SECOND

/** What a failing version leads to: a run, or only a report. `cause` is for people. */
export function failed(ports: GuardPorts, { guard, memory }: Remembered, cause: string): GuardSave {
  const now = ports.clock.now()
  const remembered: Remembered = { guard, memory: { ...memory, failedAt: memory.failedAt ?? now } }
  const { entry, version, options } = guard
  if (entry === undefined || version === undefined || options.onFail === 'report')
    return endGuard(remembered, 'failed', `${cause}; not rolled back: it is only reported`, now)
  const run = runOf(ports, guard, entry)
  return {
    guard: { ...guard, state: 'acting', detail: cause, nextAt: now + RUN_LOOK_MS, awaits: 'the run that it began' },
    memory: textOf(remembered.memory),
    audit: [],
    run: { run, key: `guard\n${targetKey(guard.target)}\n${versionKey(version)}`, audit: [startedEntry(run)] }
  }
}

/** Looks how the run goes, and ends with it. */
export function followRun(ports: GuardPorts, remembered: Remembered): GuardSave {
  const { run, detail: cause = '' } = remembered.guard
  const now = ports.clock.now()
  if (run === undefined) throw new Error(`guard ${remembered.guard.id} began no run`)
  const why = [run.reason, run.detail].filter(text => text !== undefined).join(': ')
  if (run.state !== 'ended') return lookAgain(remembered, now + RUN_LOOK_MS, `run ${run.id} ${run.state}${why === '' ? '' : `: ${why}`}`)
  if (run.outcome === 'recovered') return endGuard(remembered, 'rolled-back', `${cause}; ${run.detail ?? ''}`, now)
  return endGuard(remembered, 'failed', `${cause}; not rolled back: ${run.outcome ?? ''}${why === '' ? '' : `, ${why}`}`, now)
}

function runOf(ports: GuardPorts, guard: DeployGuard, entry: GuardPolicy): Run {
  const { target } = guard
  const policy = policyOfGuard(entry, target)
  return newRun({
    id: ports.ids.next(),
    kind: 'live',
    trigger: { kind: 'guard', id: guard.id, by: guard.by, at: ports.clock.now(), target },
    policy: guard.options.dryRun ? { ...policy, mode: 'dry-run' } : policy,
    target,
    ceiling: ports.ceiling
  })
}
