import type { AuditEntry } from '../domain/audit.ts'
import type { Intent } from '../domain/plan.ts'
import type { WriteResult } from '../domain/ports/cluster.ts'
import type { Refusal } from '../domain/reasons.ts'
import { type Claim, escalatesAt, type Progress, type Run } from '../domain/run.ts'
import { conclude } from './conclude.ts'
import { actionOf, type Ports } from './ports.ts'
import { recheck } from './recheck.ts'
import { readRefusal, stepOf } from './resolve.ts'

/** What one pass over an executing run came to. */
export type Executed =
  | { readonly kind: 'written'; readonly run: Run }
  /** Withdrawn or refused by a precondition; the run waits again. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly intent: Intent }
  | { readonly kind: 'replan'; readonly intent: Intent; readonly detail: string }
  /** Not known yet; looked at again soon. */
  | { readonly kind: 'pending'; readonly detail: string }
  | { readonly kind: 'ended' }

/** A write whose result is not known is observed again after this long. */
export const OBSERVE_AGAIN_MS = 5_000

/**
 * Carries out a durable intent. Sent never or once, it is first observed: there → go on; not there → checked afresh and
 * sent, with its original preconditions, at most twice in all (rules 3).
 */
export async function execute(
  ports: Ports,
  run: Run,
  claim: Claim,
  intent: Intent,
  sampledAt: number | undefined,
  signal: AbortSignal
): Promise<Executed> {
  const { plan } = intent
  const read = await ports.cluster.read(plan.target, signal)
  if (read.kind !== 'found') {
    if (read.kind === 'unreachable') return pendingOrUnknown(ports, run, claim, intent, read.detail)
    return intent.sends === 0 ? { kind: 'refused', refusal: readRefusal(read), intent } : unknown(ports, run, claim, intent, read.detail)
  }
  const action = actionOf(ports, plan.action)
  const effect = await action.effect(intent, read.workload, ports.tools, signal)
  const lingers = intent.sends > 0 && effect === 'not-seen' && ports.clock.now() < intent.createdAt + (action.lingers?.(plan) ?? 0)
  if (effect === 'moving' || lingers) return pendingOrUnknown(ports, run, claim, intent, 'it is still being carried out')
  if (effect === 'seen') return written(ports, run, claim, intent, { generation: read.workload.generation, how: 'observed' }, signal)
  if (intent.sends > 0 && effect === 'superseded')
    return unknown(ports, run, claim, intent, 'the target was changed by someone else while the result of the write was not known')
  if (intent.sends > 0 && effect === 'unclear')
    return unknown(ports, run, claim, intent, 'it may have been sent before Astern stopped, nothing tells, and it is never sent twice')
  if (intent.sends >= 2) return unknown(ports, run, claim, intent, 'the write was sent twice and its effect is not there')
  const refusal = await recheck(ports, run, plan, read.workload, sampledAt, signal)
  if (refusal !== undefined)
    return intent.sends === 0
      ? { kind: 'refused', refusal, intent }
      : unknown(
          ports,
          run,
          claim,
          intent,
          `the write was sent once, its effect is not there, and it may not be sent again: ${refusal.reason}: ${refusal.detail}`
        )
  if (!(await ports.ledger.countSend(claim, intent.id))) return { kind: 'ended' }
  ports.faults.reach('before-write')
  const result = await action.apply(ports.tools, intent, { dryRun: false }, signal)
  ports.faults.reach('after-write')
  return settle(ports, run, claim, intent, result, signal)
}

async function settle(ports: Ports, run: Run, claim: Claim, intent: Intent, result: WriteResult, signal: AbortSignal): Promise<Executed> {
  switch (result.kind) {
    case 'applied':
      return written(
        ports,
        run,
        claim,
        intent,
        {
          generation: result.generation,
          how: 'answered',
          ...(result.detail === undefined ? {} : { detail: result.detail })
        },
        signal
      )
    case 'unknown':
      return pendingOrUnknown(ports, run, claim, intent, result.detail)
    case 'forbidden':
      return { kind: 'refused', refusal: { reason: 'forbidden', detail: result.detail }, intent }
    case 'held':
      return { kind: 'refused', refusal: { reason: 'disruption-budget', detail: result.detail }, intent }
    case 'not-found':
      return { kind: 'refused', refusal: { reason: 'target-not-found', detail: result.detail }, intent }
    case 'refused':
      await conclude(
        ports,
        run,
        claim,
        { outcome: 'failed', detail: `the API server refused the write: ${result.detail}` },
        { intent: { id: intent.id, state: 'refused' }, audit: [writeEntry(ports, run, intent, 'refused', result.detail)] }
      )
      return { kind: 'ended' }
    case 'conflict': {
      // A precondition failed. Nothing in the answer says which: read again (facts G.5).
      const read = await ports.cluster.read(intent.plan.target, signal)
      if (read.kind !== 'found') return { kind: 'refused', refusal: readRefusal(read), intent }
      const action = actionOf(ports, intent.plan.action)
      if ((await action.effect(intent, read.workload, ports.tools, signal)) === 'seen')
        return written(ports, run, claim, intent, { generation: read.workload.generation, how: 'observed' }, signal)
      if (read.workload.uid === intent.plan.uid && read.workload.identity === intent.plan.from)
        return { kind: 'replan', intent, detail: result.detail }
      return {
        kind: 'refused',
        refusal: {
          reason: 'changed-since-symptom',
          detail: `the target changed between decision and write (${result.detail})`,
          facts: { judged: intent.plan.from, found: read.workload.identity }
        },
        intent
      }
    }
  }
}

async function written(
  ports: Ports,
  run: Run,
  claim: Claim,
  intent: Intent,
  how: { readonly generation: number; readonly how: 'answered' | 'observed'; readonly detail?: string },
  signal: AbortSignal
): Promise<Executed> {
  const left = await leftBy(ports, intent, signal)
  const now = ports.clock.now()
  const step = stepOf({ ...run, step: intent.step })
  const progress: Progress = {
    intentId: intent.id,
    appliedAt: now,
    generation: how.generation,
    // Confirming may take what the escalation leaves, and no longer (rules 4).
    deadline: Math.min(now + step.confirm.within, Math.max(now, escalatesAt(run))),
    passes: 0
  }
  const saved = await ports.ledger.save(
    claim,
    {
      change: { state: 'watching', wrote: true, progress, nextAt: now, reason: null, detail: null },
      audit: [writeEntry(ports, run, intent, how.how, how.detail ?? intent.plan.summary)],
      intent: { id: intent.id, state: 'applied', ...(left === undefined ? {} : { left }) }
    },
    now
  )
  if (!saved) return { kind: 'ended' }
  ports.faults.reach('write-recorded')
  ports.recorder.wrote(run, intent.plan.action)
  return { kind: 'written', run: { ...run, state: 'watching', wrote: true, progress } }
}

/** The template that the write left, where the plan could not tell: a release brings its own. */
async function leftBy(ports: Ports, { plan }: Intent, signal: AbortSignal): Promise<string | undefined> {
  if (plan.to !== undefined) return undefined
  const read = await ports.cluster.read(plan.target, signal)
  return read.kind === 'found' ? read.workload.identity : undefined
}

async function pendingOrUnknown(ports: Ports, run: Run, claim: Claim, intent: Intent, detail: string): Promise<Executed> {
  if (ports.clock.now() < escalatesAt(run)) return { kind: 'pending', detail }
  return intent.sends === 0
    ? { kind: 'refused', refusal: { reason: 'cluster-unreachable', detail }, intent }
    : unknown(ports, run, claim, intent, detail)
}

async function unknown(ports: Ports, run: Run, claim: Claim, intent: Intent, detail: string): Promise<Executed> {
  await conclude(
    ports,
    { ...run, wrote: true },
    claim,
    { outcome: 'unknown', detail, reverse: intent.plan.reverse },
    { intent: { id: intent.id, state: 'unknown' }, audit: [writeEntry(ports, run, intent, 'unknown', detail)] }
  )
  return { kind: 'ended' }
}

export function writeEntry(ports: Ports, run: Run, intent: Intent, result: string, detail: string): AuditEntry {
  const { plan } = intent
  return {
    at: ports.clock.now(),
    kind: 'write',
    runId: run.id,
    incidentId: run.incident.id,
    body: {
      result,
      detail,
      intent: intent.id,
      action: plan.action,
      target: plan.target,
      plan: plan.hash,
      from: plan.from,
      to: plan.to,
      reverse: plan.reverse
    }
  }
}
