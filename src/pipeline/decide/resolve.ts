import type { Action } from '../../domain/action.ts'
import type { GuardInput } from '../../domain/guard.ts'
import { factsIgnoring } from '../../domain/ignored-parts.ts'
import type { ObjectRef } from '../../domain/objects.ts'
import { lockKeys } from '../../domain/owner.ts'
import { permissionUnder } from '../../domain/permission.ts'
import type { Policy, PolicyStep } from '../../domain/policy.ts'
import type { ReadResult } from '../../domain/ports/cluster.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Run } from '../../domain/run.ts'
import { alertOf } from '../../domain/trigger.ts'
import type { Workload } from '../../domain/workload.ts'
import { actionOf, configuredPermission, type DecidePorts, type ReadingPorts } from '../ports.ts'
import { firstRefusal } from './guard.ts'
import type { Learned } from './learned.ts'
import { lookAgain } from './look-again.ts'
import { readAs } from './read-as.ts'
import { next, type Stage, type StageResult, stop } from './stage.ts'
import { targetOf } from './target.ts'

/** A run, and the instant (Astern's clock) for which the decision is made. */
export interface Considered {
  readonly run: Run
  readonly at: number
}

/** A run, its target as it is now, and everything that the guards look at. */
export interface Resolved extends Considered {
  readonly step: PolicyStep
  readonly action: Action
  readonly target: ObjectRef
  readonly workload: Workload
  readonly guardInput: GuardInput
}

/** Finds the run's target, and reads all that is known of it. */
export function resolveStage(ports: DecidePorts, learned: Learned): Stage<Considered, Resolved> {
  return {
    name: 'resolve',
    async run({ run, at }, signal) {
      const step = stepOf(run)
      const resolved = targetOf(run.policy, run.trigger, step)
      if (resolved.kind === 'refused') return stop(resolved.refusal)
      const { target } = resolved
      const action = actionOf(ports, step.action)
      if (!action.kinds.includes(target.kind))
        return stop({ reason: 'unsuitable-target', detail: `${action.name} works on ${action.kinds.join(', ')}, not on a ${target.kind}` })
      const read = await readTarget(ports, { policy: run.policy, target }, signal)
      if (read.kind === 'stop') return read
      const { workload, looked } = await lookAgain(ports, { target, workload: read.value, at })
      if (looked !== undefined) learned.looked = [...(learned.looked ?? []), looked]
      return next({
        run,
        at,
        step,
        action,
        target,
        workload,
        guardInput: await gather(ports, { run, at, target, workload, action }, signal)
      })
    }
  }
}

/** Reads a target, unless it lies where nothing may be read: a label of an alert may name any namespace. */
export async function readTarget(
  { guards, policies, cluster, ownNamespace }: Pick<ReadingPorts, 'guards' | 'policies' | 'cluster' | 'ownNamespace'>,
  { policy, target }: { readonly policy: Policy; readonly target: ObjectRef },
  signal: AbortSignal
): Promise<StageResult<Workload>> {
  const denied = firstRefusal(guards.beforeRead, { target, policy, current: policies.policy(policy.name), ownNamespace })
  if (denied !== undefined) return stop(denied)
  const read = await readAs({ cluster }, policy, target, signal)
  return read.kind === 'found' ? next(read.workload) : stop(readRefusal(read))
}

/** The run's present rung. */
export function stepOf(run: Run): PolicyStep {
  const step = run.policy.steps[run.step]
  if (step === undefined) throw new Error(`run ${run.id} is beyond its ladder`)
  return step
}

/** The reason why a target that could not be read stops the run. */
export function readRefusal(read: Exclude<ReadResult, { readonly kind: 'found' }>): Refusal {
  switch (read.kind) {
    case 'not-found':
      return { reason: 'target-not-found', detail: read.detail }
    case 'forbidden':
      return { reason: 'forbidden', detail: read.detail }
    case 'unreachable':
      return {
        reason: 'cluster-unreachable',
        detail: read.detail,
        ...(read.retryAfterMs === undefined ? {} : { retryAfterMs: read.retryAfterMs })
      }
  }
}

/** Reads what the guards need, once, so that each of them is a pure function of it. */
export async function gather(
  ports: ReadingPorts,
  { run, at, target, workload, action }: Omit<Resolved, 'step' | 'guardInput'>,
  signal: AbortSignal
): Promise<GuardInput> {
  const { ledger, policies } = ports
  const alert = alertOf(run.trigger)
  const [known, state, storm, looming, budgets, alertState, owners] = await Promise.all([
    ledger.targetFacts(target, lockKeys(workload), run.id, at),
    ledger.switchState(),
    ledger.storm(at),
    ledger.stormLooming({ target, limits: policies.storm() }, at),
    ledger.budgetUse(run.policy.guards.budgets, target, run.policy.name, at),
    alert === undefined ? undefined : ports.alertStates()?.stateOf(alert.labels, signal),
    ports.cluster.owners(workload, signal)
  ])
  const configured = configuredPermission(ports, run)
  const facts = factsIgnoring(known, workload)
  return {
    run,
    policy: run.policy,
    current: policies.policy(run.policy.name),
    target,
    workload,
    facts,
    switch: state,
    storm,
    looming,
    budgets,
    ceiling: ports.ceiling,
    permission: { configured, now: permissionUnder(configured, state.mode) },
    action,
    owners,
    touches: action.touches?.(workload) ?? [],
    alertState,
    mustBeKnown: run.trigger.kind === 'alert' && ports.senders.confirmed(run.trigger.incident.source),
    clusterOffset: ports.cluster.clockOffset(),
    sourceOffset: ports.verifier().clockOffset(),
    ownNamespace: ports.ownNamespace,
    now: at
  }
}
