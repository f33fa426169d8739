import { type Watched, watchedRollout } from '../../domain/action.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { audited, ofRun } from '../../domain/audited.ts'
import { lastChange, lastChangeText } from '../../domain/last-change.ts'
import { servicePermission } from '../../domain/permission.ts'
import type { Intent } from '../../domain/plan.ts'
import type { PolicyStep } from '../../domain/policy.ts'
import type { Progress } from '../../domain/run.ts'
import type { Sample } from '../../domain/verdict.ts'
import type { Workload } from '../../domain/workload.ts'
import { lookAgain } from '../decide/look-again.ts'
import { renderQueries } from '../decide/queries.ts'
import { readAs } from '../decide/read-as.ts'
import { stepOf } from '../decide/resolve.ts'
import type { Move, Pass } from '../pass.ts'
import { actionOf } from '../ports.ts'
import { conclude } from '../settle/ending.ts'
import { handedOverNow } from './handed-over.ts'
import { intentOf } from './intent.ts'

/** How often a run looks at a rollout that moves. */
const WATCH_EVERY_MS = 2_000

/** A run that watches what it wrote. */
interface Watching extends Pass {
  readonly intent: Intent
  readonly progress: Progress
  readonly step: PolicyStep
}

/**
 * One look at a run that has written: is the rollout complete, and do samples whose windows lie after it pass? That the alert
 * resolves meanwhile is evidence, and proves nothing (rules 5). Only a `fail` that is verified again climbs to the next rung.
 */
export async function confirm(pass: Pass): Promise<Move> {
  const { ports, run, signal } = pass
  const { progress } = run
  if (progress === undefined) throw new Error(`run ${run.id} watches nothing`)
  const intent = await intentOf(pass)
  const watching: Watching = { ...pass, intent, progress, step: stepOf(run) }
  if (run.handedOver?.stop === true)
    return notTold(watching, `${run.handedOver.by} stopped the watch: whether the write helped was not looked at`)
  const { plan } = intent
  const now = ports.clock.now()
  const read = await readAs(ports, run.policy, plan.target, signal)
  if (read.kind !== 'found') {
    if (read.kind === 'unreachable' && now < progress.deadline) return watchOn(progress, now + WATCH_EVERY_MS)
    return notTold(watching, `after the write the target could not be read: ${read.detail}`)
  }
  const { workload, looked } = await lookAgain(ports, {
    target: plan.target,
    workload: read.workload,
    at: now,
    wroteAt: progress.appliedAt
  })
  const action = actionOf(ports, plan.action)
  // Astern never writes against a change of somebody else: the target is theirs now (facts F.2).
  if (!action.stands(intent, workload)) {
    const change = workload.templateManagedAt === undefined ? '' : lastChangeText(lastChange(workload, workload.templateManagedAt))
    return notTold(watching, `someone changed the target after the write${change}; Astern keeps its hands off`)
  }
  const since = progress.appliedAt + ports.cluster.clockOffset()
  const mayWrite =
    servicePermission(ports.ceiling, (await ports.ledger.switchState()).mode) === 'act' && (await handedOverNow(pass)) === undefined
  const watched = (await action.watch?.(ports.tools, plan, { workload, since, mayWrite }, signal)) ?? watchedRollout(workload, since)
  const { completeAt } = progress
  const move =
    completeAt === undefined
      ? await followRollout(watching, workload, watched)
      : await followRecovery(watching, workload, { watched, completeAt })
  return looked === undefined ? move : { ...move, looked: [looked] }
}

/**
 * Looks at the rollout that the write began: it is complete, still moves, or failed. A rung is written only where it failed: while it
 * moves, whether it helps is not known (rules 5).
 */
async function followRollout(watching: Watching, workload: Workload, watched: Watched): Promise<Move> {
  const { ports, run, intent, progress } = watching
  const { cures } = actionOf(ports, intent.plan.action)
  const onTheWay = 'did' in watched && watched.did !== undefined ? [audited.onTheWay(about(watching), { did: watched.did })] : []
  if (watched.state === 'complete') {
    const completeAt = ports.clock.now()
    ports.faults.reach('rollout-complete')
    const audit = [...onTheWay, audited.rollout(about(watching), { state: 'complete', detail: watched.detail })]
    if (!cures) return prepared(watching, watched.detail, audit)
    return watchOn({ ...progress, completeAt }, completeAt + longestWindow(run), audit)
  }
  const now = ports.clock.now()
  if (watched.state === 'moving') {
    if (now >= progress.deadline) return notTold(watching, `it is not complete in time: ${watched.detail}`, onTheWay)
    const { cause, lookAgainMs = 0 } = watched
    const again = Math.min(now + Math.max(WATCH_EVERY_MS, lookAgainMs), progress.deadline)
    if (cause === undefined || cause === progress.held) return watchOn(progress, again, onTheWay)
    const held = audited.rollout(about(watching), { state: 'held', detail: cause })
    return watchOn({ ...progress, held: cause }, again, [...onTheWay, held])
  }
  const sample = cures ? await judge(watching, workload) : undefined
  return giveUp(watching, `it is not complete: ${watched.detail}`, { audit: onTheWay, ...(sample === undefined ? {} : { sample }) })
}

/** Takes samples of a complete rollout, until enough of them pass in a row or the time is up. */
async function followRecovery(
  watching: Watching,
  workload: Workload,
  { watched, completeAt }: { readonly watched: Watched; readonly completeAt: number }
): Promise<Move> {
  const { ports, run, intent, progress, step } = watching
  const now = ports.clock.now()
  const sampleAt = completeAt + longestWindow(run)
  if (now < sampleAt) {
    if (now < progress.deadline) return watchOn(progress, Math.min(sampleAt, progress.deadline))
    return giveUp(watching, 'the time was up before the query’s window lay after the rollout', { audit: [] })
  }
  const sample = await judge(watching, workload)
  // A sample counts for recovery only while the rollout stays complete.
  const passes = sample.verdict === 'pass' && watched.state === 'complete' ? progress.passes + 1 : 0
  const after: Progress = { ...progress, passes, lastSample: sample }
  const audit = [audited.confirmation(about(watching), { verdict: sample.verdict, passes, needed: step.confirm.passes, sample })]
  const sampled: Watching = { ...watching, run: { ...run, progress: after }, progress: after }
  if (passes >= step.confirm.passes) {
    ports.faults.reach('confirmed')
    const { summary, reverse } = intent.plan
    return conclude(sampled, { outcome: 'recovered', detail: `${summary}; ${passes} passing samples in a row`, reverse }, { audit })
  }
  const nextAt = ports.clock.now() + step.confirm.every
  if (nextAt <= progress.deadline) return watchOn(after, nextAt, audit)
  return giveUp(sampled, `recovery was not confirmed in time (last verdict: ${sample.verdict})`, { audit, sample })
}

/** Ends the run where nothing shows whether the write helped. */
async function notTold(watching: Watching, detail: string, audit: readonly AuditEntry[] = []): Promise<Move> {
  return conclude(watching, { outcome: 'unknown', detail, reverse: watching.intent.plan.reverse }, { audit })
}

/** Goes on to the next rung at once, because a preparation cures nothing by itself. */
async function prepared(watching: Watching, detail: string, audit: readonly AuditEntry[]): Promise<Move> {
  const { run, intent } = watching
  if (mayClimb(run)) return climb(watching, detail, { audit })
  return conclude(watching, { outcome: 'ineffective', detail: `${detail}; no rung follows`, reverse: intent.plan.reverse }, { audit })
}

/** What was seen on the way to leaving a rung. */
interface Seen {
  readonly audit: readonly AuditEntry[]
  readonly sample?: Sample
}

/** Leaves a rung that is used up. A `fail` that is verified again climbs on. With any other verdict it is not known whether it helped. */
async function giveUp(watching: Watching, detail: string, { audit, sample }: Seen): Promise<Move> {
  const { run, intent } = watching
  const { reverse } = intent.plan
  if (sample?.verdict !== 'fail') return conclude(watching, { outcome: 'unknown', detail, reverse }, { audit })
  if (mayClimb(run)) return climb(watching, detail, { audit, sample })
  return conclude(watching, { outcome: 'ineffective', detail, reverse }, { audit })
}

/** Whether another rung follows. Once somebody has taken the affair over, none does. */
function mayClimb({ policy, step, handedOver }: Watching['run']): boolean {
  return policy.steps[step + 1] !== undefined && handedOver === undefined
}

function climb(watching: Watching, why: string, { audit, sample }: Seen): Move {
  const { ports, run, intent } = watching
  const to = run.policy.steps[run.step + 1]?.action
  const next = { from: intent.plan.action, why, ...(to === undefined ? {} : { to }), ...(sample === undefined ? {} : { sample }) }
  const climbed = audited.nextStep(about(watching), next)
  return {
    kind: 'move',
    to: 'waiting',
    again: ports.clock.now(),
    change: { step: run.step + 1, progress: null, reason: null, detail: null },
    audit: [...audit, climbed]
  }
}

async function judge({ ports, run, step, signal }: Watching, workload: Workload): Promise<Sample> {
  const at = ports.clock.now()
  if (run.trigger.kind === 'guard') {
    const sample = await ports.guardEvidence.recovery(run.trigger.id, { from: at - step.confirm.every, to: at }, signal)
    ports.recorder.sampled(sample)
    return sample
  }
  const rendered = renderQueries(run, workload)
  if (rendered.kind === 'refused') return { time: at, verdict: 'inconclusive', problem: 'no-data', queries: [] }
  const sample = await ports.verifier().sample(rendered.queries, at, signal)
  ports.recorder.sampled(sample)
  return sample
}

function watchOn(progress: Progress, again: number, audit: readonly AuditEntry[] = []): Move {
  return { kind: 'move', to: 'watching', again, change: { progress }, audit }
}

function longestWindow({ policy, trigger }: Watching['run']): number {
  // A guard's block is the time between two looks.
  if (trigger.kind === 'guard') return Math.max(...policy.steps.map(step => step.confirm.every))
  return Math.max(...policy.verify.map(query => query.window))
}

function about({ ports, run }: Watching) {
  return ofRun(run, ports.clock.now())
}
