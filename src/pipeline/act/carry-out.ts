import type { AuditEntry } from '../../domain/audit.ts'
import type { WriteOutcome } from '../../domain/audit-bodies.ts'
import { audited, ofRun } from '../../domain/audited.ts'
import type { Intent } from '../../domain/plan.ts'
import type { FailedTool, WriteResult } from '../../domain/ports/cluster.ts'
import { dispositionOf, type Refusal } from '../../domain/reasons.ts'
import { escalatesAt, type Progress, type Run } from '../../domain/run.ts'
import { templateIdentity, type Workload } from '../../domain/workload.ts'
import { refusalOf } from '../../domain/write-result.ts'
import { readAs } from '../decide/read-as.ts'
import { readRefusal, stepOf } from '../decide/resolve.ts'
import type { Move, Next, Pass } from '../pass.ts'
import { actionOf, type PhasePorts } from '../ports.ts'
import { conclude } from '../settle/ending.ts'
import { actedMessages } from '../settle/messages.ts'
import { refuse } from '../settle/refusal.ts'
import { handedOverNow } from './handed-over.ts'
import { intentOf } from './intent.ts'
import { recheck } from './recheck.ts'

/** A write whose result is not known is observed again after this time. */
const OBSERVE_AGAIN_MS = 5_000
/** How often a run plans again after a precondition failed though the template is the same (rules 3). */
const REPLANS = 3

/** An intent that is being carried out, in its pass. */
interface Carrying extends Pass {
  readonly intent: Intent
}

/**
 * Carries out a durable intent. It first looks whether the write is there, because an earlier process may have sent it. If it is,
 * the run goes on. If not, everything is checked afresh and the write is sent, with its original preconditions, at most twice in
 * all (rules 3).
 */
export async function carryOut(pass: Pass): Promise<Next> {
  const { ports, signal } = pass
  const intent = await intentOf(pass)
  const carrying: Carrying = { ...pass, intent }
  const { plan } = intent
  const read = await readAs(ports, pass.run.policy, plan.target, signal)
  if (read.kind !== 'found') {
    if (read.kind === 'unreachable') return pendingOrUnknown(carrying, read.detail)
    return intent.sends === 0 ? withdraw(carrying, readRefusal(read)) : unknown(carrying, read.detail)
  }
  const { workload } = read
  const action = actionOf(ports, plan.action)
  const effect = await action.effect(intent, workload, ports.tools, signal)
  if (typeof effect === 'object') return toolFailed(carrying, effect)
  const lingers = intent.sends > 0 && effect === 'not-seen' && ports.clock.now() < intent.createdAt + (action.lingers?.(plan) ?? 0)
  if (effect === 'moving' || lingers) return pendingOrUnknown(carrying, 'it is still being carried out')
  if (effect === 'seen') return written(carrying, observed(intent, workload))
  if (intent.sends > 0 && effect === 'superseded')
    return unknown(carrying, 'the target was changed by someone else while the result of the write was not known')
  if (intent.sends > 0 && effect === 'unclear')
    return unknown(carrying, 'it may have been sent before Astern stopped, nothing tells, and it is never sent twice')
  if (intent.sends >= 2) return unknown(carrying, 'the write was sent twice and its effect is not there')
  if (intent.sends > 0 && ports.clock.now() >= escalatesAt(pass.run)) {
    const why = pass.run.detail ?? 'the write was sent once, and its effect is not there'
    return unknown(carrying, `the time to act is up; ${why}`)
  }
  const refusal = await recheck(pass, plan, workload)
  if (refusal !== undefined) {
    if (intent.sends === 0) return withdraw(carrying, refusal)
    const why = `the write was sent once, its effect is not there, and it may not be sent again: ${refusal.reason}: ${refusal.detail}`
    // What waiting can end is no answer yet: right after a start, for one, the clocks are known badly.
    return dispositionOf(refusal.reason) === 'wait' ? pendingOrUnknown(carrying, why) : unknown(carrying, why)
  }
  if (!(await pass.countSend(intent.id))) {
    const handed = await handedOverNow(pass)
    return handed === undefined || intent.sends > 0 ? { kind: 'lost' } : withdraw(carrying, handed)
  }
  ports.faults.reach('before-write')
  const result = await action.apply(ports.tools, intent, { dryRun: false }, signal)
  ports.faults.reach('after-write')
  return answered(carrying, result)
}

/** What the answer to the write means. */
async function answered(carrying: Carrying, result: WriteResult): Promise<Move> {
  const { intent } = carrying
  switch (result.kind) {
    case 'applied': {
      const { kind: _kind, at: _at, ...answer } = result
      return written(carrying, { ...answer, how: 'answered' })
    }
    case 'unknown':
      return pendingOrUnknown(carrying, result.detail, result.retryAfterMs)
    case 'forbidden':
    case 'too-large':
    case 'held':
    case 'not-now':
    case 'not-found':
      return withdraw(carrying, refusalOf(result))
    case 'refused': {
      const audit = [writeEntry(carrying, 'refused', result.detail)]
      const ending = { outcome: 'failed', detail: `the API server refused the write: ${result.detail}` } as const
      return conclude(carrying, ending, { intent: { id: intent.id, state: 'refused' }, audit })
    }
    case 'tool-failed':
      return toolFailed(carrying, result)
    case 'conflict':
    case 'rejected':
      return readAgain(carrying, result)
  }
}

/**
 * Ends the run at once, because the program that made the write failed half-way. Neither a sample nor another rung says what it
 * left, so people mend it (rules 5).
 */
async function toolFailed(carrying: Carrying, { detail, repair }: FailedTool): Promise<Move> {
  const { ports, run, intent, signal } = carrying
  const left = await leftBy(ports, run, intent, signal)
  return conclude(
    { ...carrying, run: { ...run, wrote: true } },
    { outcome: 'failed', detail, repair },
    {
      // What it may have replaced is remembered as bad, as after any other write.
      intent: { id: intent.id, state: 'unknown', ...(left === undefined ? {} : { left }) },
      audit: [writeEntry(carrying, 'failed', `${detail}; to repair it: ${repair}`)]
    }
  )
}

/**
 * Reads the target again: the answer does not say which precondition failed (facts G.5), and an object that is not valid may be so
 * because of what somebody else made of it meanwhile.
 */
async function readAgain(carrying: Carrying, result: Extract<WriteResult, { readonly kind: 'conflict' | 'rejected' }>): Promise<Move> {
  const { ports, intent, signal } = carrying
  const { detail } = result
  const { plan } = intent
  const read = await readAs(ports, carrying.run.policy, plan.target, signal)
  if (read.kind !== 'found') return withdraw(carrying, readRefusal(read))
  const { workload } = read
  const effect = await actionOf(ports, plan.action).effect(intent, workload, ports.tools, signal)
  if (effect === 'seen') return written(carrying, observed(intent, workload))
  if (typeof effect === 'object') return toolFailed(carrying, effect)
  if (workload.uid === plan.uid && workload.identity === plan.from)
    return result.kind === 'conflict' ? replan(carrying, detail) : withdraw(carrying, refusalOf(result))
  return withdraw(carrying, {
    reason: 'changed-since-symptom',
    detail: `the target changed between decision and write (${detail})`,
    facts: { judged: plan.from, found: workload.identity }
  })
}

/** Withdraws a write that was not made. The reason says whether the run waits or ends. */
async function withdraw(carrying: Carrying, refusal: Refusal): Promise<Move> {
  return refuse(carrying, refusal, { ...withdrawn(carrying, refusal), releaseLock: !carrying.run.wrote })
}

/** Plans again at once, because the template is still the same. */
async function replan(carrying: Carrying, detail: string): Promise<Move> {
  const { run, carried } = carrying
  const settled = withdrawn(carrying, { reason: 'changed-since-symptom', detail })
  if (carried.replans >= REPLANS) {
    const times = `the write failed its precondition ${REPLANS + 1} times with the same template: ${detail}`
    return conclude(carrying, { outcome: 'failed', detail: times }, settled)
  }
  const next = { replans: carried.replans + 1 }
  return { kind: 'move', to: 'waiting', again: 'at-once', ...settled, releaseLock: !run.wrote, carried: next }
}

function about({ ports, run }: Carrying) {
  return ofRun(run, ports.clock.now())
}

function withdrawn(carrying: Carrying, refusal: Refusal) {
  const { intent } = carrying
  const entry = audited.intentWithdrawn(about(carrying), { intent, refusal })
  return { intent: { id: intent.id, state: 'withdrawn' }, audit: [entry] } as const
}

interface HowWritten {
  readonly generation: number
  readonly how: 'answered' | 'observed'
  readonly detail?: string
  /** The template that the write left, as the server has it. */
  readonly left?: string
}

/** What an earlier write left that is there now. */
function observed({ id }: Intent, { generation, template, templateAt }: Workload): HowWritten {
  return { generation, how: 'observed', ...(templateAt.mark === id ? { left: templateIdentity(template) } : {}) }
}

async function written(carrying: Carrying, { generation, how, detail, left: answered }: HowWritten): Promise<Move> {
  const { ports, run, intent, carried, signal } = carrying
  const left = answered ?? (await leftBy(ports, run, intent, signal))
  const now = ports.clock.now()
  const step = stepOf({ ...run, step: intent.step })
  const progress: Progress = {
    intentId: intent.id,
    appliedAt: now,
    generation,
    // Confirming ends when people are due by the policy's escalation, and no later (rules 4).
    deadline: Math.min(now + step.confirm.within, Math.max(now, escalatesAt(run))),
    passes: 0
  }
  return {
    kind: 'move',
    to: 'watching',
    again: 'at-once',
    change: { wrote: true, progress, reason: null, detail: null },
    audit: [writeEntry(carrying, how, detail ?? intent.plan.summary)],
    intent: { id: intent.id, state: 'applied', ...(left === undefined ? {} : { left }) },
    messages: actedMessages({ ...run, step: intent.step }, intent.plan, ports.channels),
    carried: { ...carried, intent: { ...intent, state: 'applied', ...(left === undefined ? {} : { left }) } }
  }
}

/** The template that the write left, where the plan did not know it because a release brings its own. */
async function leftBy(ports: PhasePorts, { policy }: Run, { plan }: Intent, signal: AbortSignal): Promise<string | undefined> {
  if (plan.to !== undefined) return undefined
  const read = await readAs(ports, policy, plan.target, signal)
  return read.kind === 'found' ? read.workload.identity : undefined
}

/** Looks again soon, until the time is up, because it is not known yet whether the write was made. */
async function pendingOrUnknown(carrying: Carrying, detail: string, retryAfterMs = 0): Promise<Move> {
  const { ports, run, intent } = carrying
  const now = ports.clock.now()
  const again = now + Math.max(OBSERVE_AGAIN_MS, retryAfterMs)
  if (now < escalatesAt(run))
    return { kind: 'move', to: 'executing', again: Math.min(again, escalatesAt(run)), change: { detail }, audit: [] }
  return intent.sends === 0 ? withdraw(carrying, { reason: 'cluster-unreachable', detail }) : unknown(carrying, detail)
}

async function unknown(carrying: Carrying, detail: string): Promise<Move> {
  const { run, intent } = carrying
  return conclude(
    { ...carrying, run: { ...run, wrote: true } },
    { outcome: 'unknown', detail, reverse: intent.plan.reverse },
    { intent: { id: intent.id, state: 'unknown' }, audit: [writeEntry(carrying, 'unknown', detail)] }
  )
}

function writeEntry(carrying: Carrying, result: WriteOutcome, detail: string): AuditEntry {
  return audited.write(about(carrying), { intent: carrying.intent, result, detail })
}
