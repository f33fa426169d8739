import type { Run, RunChange } from '../../domain/run.ts'
import type { Carried, Intend, Move, Next, Pass } from '../pass.ts'
import type { Ports } from '../ports.ts'

/** The run after the save, and what the phase that follows at once may know. */
type GoesOn = Pick<Pass, 'run' | 'carried'>

/**
 * Saves what a phase decided, in one transaction. This is the only place where a pass saves. With a lost claim nothing is saved.
 * @returns what the next phase of this pass gets; undefined where the pass is over.
 */
export async function settle(ports: Ports, pass: Pass, next: Next): Promise<GoesOn | undefined> {
  switch (next.kind) {
    case 'lost':
      return undefined
    case 'intend':
      return intend(ports, pass, next)
    case 'move':
      return move(ports, pass, next)
  }
}

async function intend(ports: Ports, pass: Pass, { request, carried, otherwise }: Intend): Promise<GoesOn | undefined> {
  const { run } = pass
  const stored = await ports.ledger.claimIntent(pass.claim, { ...request, storm: ports.policies.storm() })
  switch (stored.kind) {
    case 'lost':
      return undefined
    case 'busy':
      return move(ports, pass, await otherwise({ reason: 'target-busy', detail: `run ${stored.by} works on the target` }))
    case 'budget': {
      const detail = `${stored.used} of ${stored.budget.limit} writes (${stored.budget.scope})`
      return move(ports, pass, await otherwise({ reason: 'budget-used-up', detail }))
    }
    case 'exists':
      throw new Error(`run ${run.id} wanted to write step ${request.step} a second time`)
    case 'stored':
      ports.faults.reach('intent-stored')
      return {
        run: changed({ ...run, state: 'executing' }, { step: request.step, reason: null, detail: null, symptom: request.symptom }),
        carried: { ...carried, intent: stored.intent }
      }
  }
}

async function move(ports: Ports, pass: Pass, next: Move): Promise<GoesOn | undefined> {
  const { run, claim, carried } = pass
  const { to, again, change = {} } = next
  const now = ports.clock.now()
  const saved = await ports.ledger.save(
    claim,
    {
      change: { ...change, state: to, nextAt: again === 'at-once' ? now : again },
      audit: next.audit,
      ...(next.messages === undefined ? {} : { messages: next.messages }),
      ...(next.told === undefined ? {} : { told: next.told }),
      ...(next.intent === undefined ? {} : { intent: next.intent }),
      ...(next.releaseLock === undefined ? {} : { releaseLock: next.releaseLock }),
      ...(next.looked === undefined ? {} : { looked: next.looked }),
      ...(change.symptom === undefined ? {} : { storm: ports.policies.storm() }),
      release: again !== 'at-once'
    },
    now
  )
  if (!saved) return undefined
  const after = changed({ ...run, state: to }, change)
  announce(ports, run, after, next.carried ?? carried)
  return again === 'at-once' ? { run: after, carried: next.carried ?? carried } : undefined
}

/** Counts and logs what was saved. */
function announce(ports: Ports, before: Run, after: Run, { intent }: Carried): void {
  switch (after.state) {
    case 'ended':
      ports.faults.reach('concluded')
      if (after.outcome !== undefined) ports.recorder.concluded(after, after.outcome, after.reason, after.detail ?? '')
      return
    case 'waiting':
      if (after.reason !== undefined && after.reason !== before.reason) ports.recorder.waiting(after, after.reason, after.detail ?? '')
      return
    case 'watching':
      if (before.state === 'watching') return
      ports.faults.reach('write-recorded')
      ports.recorder.wrote(after, intent?.plan.action ?? '')
      return
    case 'executing':
      return
  }
}

/** Applies a saved change to the run, so that it equals the ledger's. */
function changed(run: Run, change: RunChange): Run {
  const { reason, detail, progress, ...rest } = run
  const kept = <T>(before: T | undefined, now: T | null | undefined): T | undefined => (now === undefined ? before : (now ?? undefined))
  const after = { reason: kept(reason, change.reason), detail: kept(detail, change.detail), progress: kept(progress, change.progress) }
  return {
    ...rest,
    ...(change.step === undefined ? {} : { step: change.step }),
    ...(change.wrote === undefined ? {} : { wrote: change.wrote }),
    ...(change.outcome === undefined ? {} : { outcome: change.outcome }),
    ...(change.symptom === undefined ? {} : { symptom: change.symptom }),
    ...(change.heldSince === undefined ? {} : { heldSince: change.heldSince }),
    ...(after.reason === undefined ? {} : { reason: after.reason }),
    ...(after.detail === undefined ? {} : { detail: after.detail }),
    ...(after.progress === undefined ? {} : { progress: after.progress })
  }
}
