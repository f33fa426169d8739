import type { PlanRequest, PlanResult } from '../../domain/action.ts'
import { ownedFacts } from '../../domain/decision-facts.ts'
import { DRY_RUN_INTENT, type Plan } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { Refusal } from '../../domain/reasons.ts'
import { templateValues } from '../../domain/trigger.ts'
import { refusalOf } from '../../domain/write-result.ts'
import type { DecidePorts } from '../ports.ts'
import { failedWithin } from './dating.ts'
import { firstRefusal } from './guard.ts'
import { readAs } from './read-as.ts'
import { readRefusal } from './resolve.ts'
import { next, type Stage, stop } from './stage.ts'
import type { Verified } from './verify.ts'

/** A plan that the API server has tried without storing it. */
export interface Planned extends Verified {
  readonly plan: Plan
  /** What the server-side dry run said. */
  readonly serverDryRun: string
  /** What the API server warned of when it tried the write. */
  readonly warnings: readonly string[]
  /** What may not be looked at of all that the version needs that the plan goes back to. */
  readonly notLookedAt: readonly string[]
}

/** Makes the plan, and asks the API server whether it would take it. */
export function planStage(ports: DecidePorts): Stage<Verified, Planned> {
  return {
    name: 'plan',
    async run(input, signal) {
      const { action, guardInput, run, sampledAt } = input
      const result = await provenPlan(ports, input, signal)
      if (result.kind === 'refused') return stop(result.refusal)
      const { plan, notLookedAt = [] } = result
      const touched = firstRefusal(ports.guards.onTouched, { ...guardInput, touches: plan.touches ?? [] })
      if (touched !== undefined) return stop(touched)
      const owned = firstRefusal(ports.guards.onPlan, guardInput)
      if (owned !== undefined)
        return stop({
          ...owned,
          detail: `${owned.detail}. The change to make there: ${plan.summary}`,
          facts: ownedFacts(guardInput.owners, plan)
        })
      const tried = await action.apply(ports.tools, { id: DRY_RUN_INTENT, plan, createdAt: sampledAt }, { dryRun: true }, signal)
      ports.faults.reach('planned')
      const planned = (serverDryRun: string, warnings: readonly string[] = []) =>
        next({ ...input, plan, serverDryRun, warnings, notLookedAt })
      switch (tried.kind) {
        case 'applied':
          return planned(tried.detail ?? 'accepted', tried.warnings)
        case 'forbidden':
          // Without the right to patch, a dry run still shows the whole decision. A live run must say why it cannot act.
          return run.kind === 'dry-run' || guardInput.permission.configured === 'dry-run'
            ? planned('not permitted')
            : stop({ reason: 'forbidden', detail: tried.detail })
        case 'held':
        case 'not-now':
        case 'not-found':
        case 'too-large':
          return stop(refusalOf(tried))
        case 'unknown':
          return stop({ reason: 'cluster-unreachable', detail: tried.detail })
        case 'conflict':
          return stop({ reason: 'changed-since-symptom', detail: `the target changed while it was judged: ${tried.detail}` })
        case 'rejected':
          return stop(await rejected(ports, input, tried, signal))
        case 'refused':
        case 'tool-failed':
          return stop({ reason: 'forbidden', detail: `the API server rejects the write: ${tried.detail}` })
      }
    }
  }
}

/** Whether somebody changed the target while it was judged. Where nobody did, the server means the write itself. */
async function rejected(
  ports: DecidePorts,
  { workload, run }: Verified,
  tried: Extract<WriteResult, { readonly kind: 'rejected' }>,
  signal: AbortSignal
): Promise<Refusal> {
  const read = await readAs(ports, run.policy, workload.ref, signal)
  if (read.kind !== 'found') return readRefusal(read)
  if (read.workload.uid === workload.uid && read.workload.identity === workload.identity) return refusalOf(tried)
  return { reason: 'changed-since-symptom', detail: `the target changed while it was judged: ${tried.detail}` }
}

/** The plan, once the queries were asked about the time in which the version that it goes back to proved itself (rules 2). */
async function provenPlan(ports: DecidePorts, input: Verified, signal: AbortSignal): Promise<PlanResult> {
  const { action, run, workload, guardInput } = input
  const unproven: string[] = []
  for (;;) {
    const result = await action.plan(ports.tools, requestOf(input, unproven), signal)
    if (result.kind === 'refused' || result.proof === undefined) return result
    // A guard has no queries of its own.
    if (run.trigger.kind === 'guard') return result
    const { of, from, to } = result.proof
    if (unproven.includes(of)) throw new Error(`${action.name} goes back to ${of}, which is not proven`)
    const offset = guardInput.clusterOffset
    const failed = await failedWithin(ports, { run, workload, from: from - offset, to: to - offset }, signal)
    if (failed.kind === 'stop') return { kind: 'refused', refusal: failed.refusal }
    if (!failed.value) return result
    unproven.push(of)
  }
}

function requestOf({ workload, step, guardInput, run, sampledAt }: Verified, unproven: readonly string[]): PlanRequest {
  const offset = guardInput.clusterOffset
  return {
    workload,
    with: step.with,
    observed: guardInput.facts.observed,
    bad: guardInput.facts.bad.map(bad => bad.identity),
    incidents: guardInput.facts.incidents.map(({ from, to }) => ({
      from: from + offset,
      ...(to === undefined ? {} : { to: to + offset })
    })),
    unproven,
    passed: guardInput.facts.passed,
    owners: guardInput.owners,
    values: templateValues(run.trigger),
    now: sampledAt
  }
}
