import { watchedRollout } from '../domain/action.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { lowestMode } from '../domain/outcomes.ts'
import type { Intent } from '../domain/plan.ts'
import type { Claim, Progress, Run } from '../domain/run.ts'
import type { Sample } from '../domain/verdict.ts'
import { conclude } from './conclude.ts'
import { actionOf, type Ports } from './ports.ts'
import { renderQueries } from './queries.ts'

/** How often a moving rollout is looked at. */
const WATCH_EVERY_MS = 2_000

/**
 * One look at a run that has written: is the rollout complete, and do samples whose windows lie after it pass? The alert
 * resolving meanwhile is evidence, nothing more (rules 5). Only a re-verified `fail` climbs to the next rung.
 */
export async function confirm(ports: Ports, run: Run, claim: Claim, intent: Intent, signal: AbortSignal): Promise<void> {
  const { progress } = run
  const step = run.policy.steps[run.step]
  if (progress === undefined || step === undefined) throw new Error(`run ${run.id} watches nothing`)
  const { plan } = intent
  const now = ports.clock.now()
  const late = now >= progress.deadline
  const read = await ports.cluster.read(plan.target, signal)
  if (read.kind !== 'found') {
    if (read.kind === 'unreachable' && !late) return watchOn(ports, claim, progress, now + WATCH_EVERY_MS)
    return conclude(ports, run, claim, {
      outcome: 'unknown',
      detail: `after the write the target could not be read: ${read.detail}`,
      reverse: plan.reverse
    })
  }
  const { workload } = read
  const action = actionOf(ports, plan.action)
  if (!action.stands(intent, workload)) {
    // Never a counter-write: whoever changed it now has it (facts F.2).
    return conclude(ports, run, claim, {
      outcome: 'unknown',
      detail: 'someone changed the target after the write; Astern keeps its hands off',
      reverse: plan.reverse
    })
  }
  const since = progress.appliedAt + ports.cluster.clockOffset()
  const mayWrite = lowestMode((await ports.ledger.switchState()).mode, ports.ceiling) === 'auto'
  const watched = (await action.watch?.(ports.tools, plan, { workload, since, mayWrite }, signal)) ?? watchedRollout(workload, since)
  const onTheWay = 'did' in watched && watched.did !== undefined ? [entry(ports, run, 'on-the-way', { did: watched.did })] : []
  if (progress.completeAt === undefined) {
    if (watched.state === 'complete') {
      const completeAt = ports.clock.now()
      ports.faults.reach('rollout-complete')
      const told = [...onTheWay, entry(ports, run, 'rollout', { state: 'complete', detail: watched.detail })]
      if (!action.cures) return prepared(ports, run, claim, intent, watched.detail, told)
      return watchOn(ports, claim, { ...progress, completeAt }, completeAt + longestWindow(run), told)
    }
    if (watched.state === 'moving' && !late)
      return watchOn(ports, claim, progress, Math.min(now + WATCH_EVERY_MS, progress.deadline), onTheWay)
    const sample = action.cures ? await judge(ports, run, workload, signal) : undefined
    return giveUp(ports, run, claim, intent, `it is not complete: ${watched.detail}`, sample, onTheWay)
  }
  const sampleAt = progress.completeAt + longestWindow(run)
  if (now < sampleAt && !late) return watchOn(ports, claim, progress, Math.min(sampleAt, progress.deadline))
  if (now < sampleAt) return giveUp(ports, run, claim, intent, 'the time was up before the query’s window lay after the rollout', undefined)
  const sample = await judge(ports, run, workload, signal)
  // A sample counts for recovery only while the rollout is, still, complete.
  const passes = sample.verdict === 'pass' && watched.state === 'complete' ? progress.passes + 1 : 0
  const after: Progress = { ...progress, passes, lastSample: sample }
  const told = entry(ports, run, 'confirmation', { verdict: sample.verdict, passes, needed: step.confirm.passes, sample })
  if (passes >= step.confirm.passes) {
    ports.faults.reach('confirmed')
    return conclude(
      ports,
      { ...run, progress: after },
      claim,
      { outcome: 'recovered', detail: `${plan.summary}; ${passes} passing samples in a row`, reverse: plan.reverse },
      { audit: [told] }
    )
  }
  const nextAt = ports.clock.now() + step.confirm.every
  if (nextAt <= progress.deadline) return watchOn(ports, claim, after, nextAt, [told])
  return giveUp(
    ports,
    { ...run, progress: after },
    claim,
    intent,
    `recovery was not confirmed in time (last verdict: ${sample.verdict})`,
    sample,
    [told]
  )
}

/** A preparation cures nothing: what it prepared follows at once. */
async function prepared(ports: Ports, run: Run, claim: Claim, intent: Intent, detail: string, audit: readonly AuditEntry[]): Promise<void> {
  const following = run.policy.steps[run.step + 1]
  const { reverse } = intent.plan
  if (following === undefined)
    return conclude(ports, run, claim, { outcome: 'ineffective', detail: `${detail}; no rung follows`, reverse }, { audit })
  await climb(ports, run, claim, intent, detail, undefined, audit)
}

/** The rung is used up. A re-verified `fail` climbs on; anything else cannot tell whether it helped. */
async function giveUp(
  ports: Ports,
  run: Run,
  claim: Claim,
  intent: Intent,
  detail: string,
  sample: Sample | undefined,
  audit: readonly AuditEntry[] = []
): Promise<void> {
  const { reverse } = intent.plan
  if (sample?.verdict !== 'fail') return conclude(ports, run, claim, { outcome: 'unknown', detail, reverse }, { audit })
  const following = run.policy.steps[run.step + 1]
  if (following === undefined) return conclude(ports, run, claim, { outcome: 'ineffective', detail, reverse }, { audit })
  await climb(ports, run, claim, intent, detail, sample, audit)
}

async function climb(
  ports: Ports,
  run: Run,
  claim: Claim,
  intent: Intent,
  why: string,
  sample: Sample | undefined,
  audit: readonly AuditEntry[]
): Promise<void> {
  const now = ports.clock.now()
  const to = run.policy.steps[run.step + 1]?.action
  await ports.ledger.save(
    claim,
    {
      change: { state: 'waiting', step: run.step + 1, nextAt: now, progress: null, reason: null, detail: null },
      audit: [...audit, entry(ports, run, 'next-step', { from: intent.plan.action, to, why, ...(sample === undefined ? {} : { sample }) })],
      release: true
    },
    now
  )
}

async function judge(ports: Ports, run: Run, workload: Parameters<typeof renderQueries>[1], signal: AbortSignal): Promise<Sample> {
  const rendered = renderQueries(run, workload)
  if (rendered.kind === 'refused') return { time: ports.clock.now(), verdict: 'inconclusive', problem: 'no-data', queries: [] }
  const sample = await ports.verifier().sample(rendered.queries, signal)
  ports.recorder.sampled(sample)
  return sample
}

async function watchOn(ports: Ports, claim: Claim, progress: Progress, nextAt: number, audit: readonly AuditEntry[] = []): Promise<void> {
  await ports.ledger.save(claim, { change: { state: 'watching', progress, nextAt }, audit, release: true }, ports.clock.now())
}

function longestWindow(run: Run): number {
  return Math.max(...run.policy.verify.map(query => query.window))
}

function entry(ports: Ports, run: Run, kind: AuditEntry['kind'], body: AuditEntry['body']): AuditEntry {
  return { at: ports.clock.now(), kind, runId: run.id, incidentId: run.incident.id, body: { step: run.step, ...body } }
}
