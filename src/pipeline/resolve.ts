import type { Action } from '../domain/action.ts'
import type { Symptom } from '../domain/change.ts'
import type { GuardInput } from '../domain/guard.ts'
import type { ObjectRef } from '../domain/objects.ts'
import { lockKeys } from '../domain/owner.ts'
import type { PolicyStep } from '../domain/policy.ts'
import type { Refusal } from '../domain/reasons.ts'
import type { Run } from '../domain/run.ts'
import type { Workload } from '../domain/workload.ts'
import { actionOf, type Ports } from './ports.ts'
import { next, type Stage, stop } from './stage.ts'
import { targetOf } from './target.ts'

/** A run with its target as it is now, and everything that the guards look at. */
export interface Resolved {
  readonly run: Run
  readonly step: PolicyStep
  readonly action: Action
  readonly target: ObjectRef
  readonly workload: Workload
  readonly guardInput: GuardInput
}

/** Which object, does it exist, and what is known of it. */
export function resolveStage(ports: Ports): Stage<Run, Resolved> {
  return {
    name: 'resolve',
    async run(run, signal) {
      const step = stepOf(run)
      const resolved = targetOf(run.policy, run.incident, step)
      if (resolved.kind === 'refused') return stop(resolved.refusal)
      const { target } = resolved
      const action = actionOf(ports, step.action)
      if (!action.kinds.includes(target.kind))
        return stop({ reason: 'unsuitable-target', detail: `${action.name} works on ${action.kinds.join(', ')}, not on a ${target.kind}` })
      const read = await ports.cluster.read(target, signal)
      if (read.kind !== 'found') return stop(readRefusal(read))
      const { workload } = read
      if (run.kind === 'live' && run.incident.targetUid === undefined && step.target === undefined)
        await ports.ledger.targetExists(run.incident.id, workload.uid, ports.policies.storm(), ports.clock.now())
      return next({ run, step, action, target, workload, guardInput: await gather(ports, run, target, workload, action, signal) })
    }
  }
}

export function stepOf(run: Run): PolicyStep {
  const step = run.policy.steps[run.step]
  if (step === undefined) throw new Error(`run ${run.id} is beyond its ladder`)
  return step
}

export function readRefusal(read: { readonly kind: 'not-found' | 'forbidden' | 'unreachable'; readonly detail: string }): Refusal {
  switch (read.kind) {
    case 'not-found':
      return { reason: 'target-not-found', detail: read.detail }
    case 'forbidden':
      return { reason: 'forbidden', detail: read.detail }
    case 'unreachable':
      return { reason: 'cluster-unreachable', detail: read.detail }
  }
}

/** Reads what the guards need, once, so that each of them is a pure function of it. */
export async function gather(
  ports: Ports,
  run: Run,
  target: ObjectRef,
  workload: Workload,
  action: Action,
  signal: AbortSignal
): Promise<GuardInput> {
  const { ledger, policies, clock } = ports
  const verifier = ports.verifier()
  const now = clock.now()
  const [facts, state, storm, budgets, symptom, alertState, owners] = await Promise.all([
    ledger.targetFacts(target, lockKeys(workload), run.id, now),
    ledger.switchState(),
    ledger.storm(now),
    ledger.budgetUse(run.policy.guards.budgets, target, run.policy.name, now),
    symptomOf(ports, run, signal),
    run.incident.request === undefined ? ports.alertStates()?.stateOf(run.incident.labels, signal) : undefined,
    ports.cluster.owners(workload, signal)
  ])
  return {
    run,
    policy: run.policy,
    current: policies.policy(run.policy.name),
    target,
    workload,
    facts,
    switch: state,
    storm,
    budgets,
    ceiling: ports.ceiling,
    action,
    owners,
    alertState,
    symptom,
    clusterOffset: ports.cluster.clockOffset(),
    sourceOffset: verifier.clockOffset(),
    ownNamespace: ports.ownNamespace,
    now
  }
}

/**
 * When the symptom began, in Astern's clock: `activeAt` of the rule, which is before its `for`; else `startsAt`. Flapping
 * makes the rule's `activeAt` later; the first firing stays what counts.
 */
async function symptomOf(ports: Ports, run: Run, signal: AbortSignal): Promise<Symptom> {
  const { incident } = run
  if (incident.request !== undefined && incident.request.target !== undefined) return { at: incident.openedAt, by: 'request' }
  const verifier = ports.verifier()
  const active = await verifier.activeAt(incident.labels, signal)
  const offset = verifier.clockOffset()
  const starts = incident.startsAt - offset
  return active !== undefined && active - offset <= starts ? { at: active - offset, by: 'activeAt' } : { at: starts, by: 'startsAt' }
}
