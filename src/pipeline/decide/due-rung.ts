import { formatDuration } from '../../base/duration.ts'
import { changesOf } from '../../domain/change.ts'
import type { PassedRung } from '../../domain/decision-facts.ts'
import type { PolicyStep } from '../../domain/policy.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Run } from '../../domain/run.ts'
import type { Deciding } from './decide.ts'
import { renderQueries, sampleRefusal } from './queries.ts'
import { type Considered, type Resolved, resolveStage } from './resolve.ts'
import { symptomOf } from './symptom.ts'

export type DueRung =
  | { readonly kind: 'due'; readonly run: Run; readonly passed: readonly PassedRung[] }
  /** `lasting`: what stands against each of them does not change while the symptom lasts. */
  | { readonly kind: 'none'; readonly passed: readonly PassedRung[]; readonly lasting: boolean }
  /** It is not known whether a condition holds. Unknown is neither yes nor no. */
  | { readonly kind: 'refused'; readonly run: Run; readonly refusal: Refusal; readonly passed: readonly PassedRung[] }

/**
 * Finds the first rung, from the run's present one on, whose own conditions hold. It is asked at every look: a rung that did not
 * apply a minute ago may apply now, until a later one was climbed.
 */
export async function dueRung(deciding: Deciding, { run, at }: Considered): Promise<DueRung> {
  const { ports, learned, signal } = deciding
  const passed: PassedRung[] = []
  let lasting = true
  for (let step = run.step; step < run.policy.steps.length; step += 1) {
    const rung = run.policy.steps[step]
    const here = { ...run, step }
    if (rung?.when === undefined) return { kind: 'due', run: here, passed }
    const resolved = await resolveStage(ports, learned).run({ run: here, at }, signal)
    if (resolved.kind === 'stop') return { kind: 'refused', run: here, refusal: resolved.refusal, passed }
    const why = await unmet(deciding, resolved.value, rung.when)
    if (why === undefined) return { kind: 'due', run: here, passed }
    if ('reason' in why) return { kind: 'refused', run: here, refusal: why, passed }
    passed.push({ step, action: rung.action, why: why.why })
    lasting &&= why.lasting
  }
  return { kind: 'none', passed, lasting }
}

/** A condition that does not hold. `lasting`: when the target changed, and when the symptom began, are facts by now. */
interface Unmet {
  readonly why: string
  readonly lasting: boolean
}

/** What does not hold; or why that is not known. */
async function unmet(deciding: Deciding, input: Resolved, when: NonNullable<PolicyStep['when']>): Promise<Unmet | Refusal | undefined> {
  const { ports, signal } = deciding
  const { workload, run, at: askedAt } = input
  if (when.changedWithin !== undefined) {
    const why = await changedTooEarly(deciding, input, when.changedWithin)
    if (why !== undefined) return typeof why === 'string' ? { why, lasting: true } : why
  }
  if (when.queries.length === 0) return undefined
  const rendered = renderQueries(run, workload, { queries: when.queries })
  if (rendered.kind === 'refused') return rendered.refusal
  // Each query is asked by itself, because each is a condition of its own. The verdicts need not agree.
  for (const query of rendered.queries) {
    const sample = await ports.verifier().sample([query], askedAt, signal)
    const refusal = sampleRefusal(sample)
    if (refusal === undefined) continue
    const value = sample.queries[0]?.value
    return refusal.reason === 'symptom-not-confirmed'
      ? { why: `${query.name}: ${value ?? '?'}, wanted ${query.failWhen.comparison} ${query.failWhen.value}`, lasting: false }
      : { ...refusal, detail: `condition of the rung: ${refusal.detail}` }
  }
  return undefined
}

/** Says that the rung's target changed too long before the symptom; or why that is not known. The symptom must fail at this moment. */
async function changedTooEarly(
  { ports, learned, signal }: Deciding,
  input: Resolved,
  within: number
): Promise<string | Refusal | undefined> {
  const { workload, guardInput, run, at: askedAt } = input
  const { facts, clusterOffset } = guardInput
  const changes = Object.values(changesOf(workload, facts, clusterOffset))
  const known = changes.flatMap(change => (change.kind === 'known' ? [change.at - clusterOffset] : []))
  const unknown = changes.find(change => change.kind === 'unknown')
  if (known.length === 0)
    return { reason: 'change-time-unknown', detail: unknown?.kind === 'unknown' ? unknown.why : 'nothing tells when it changed' }
  const rendered = renderQueries(run, workload)
  if (rendered.kind === 'refused') return rendered.refusal
  if (learned.symptom === undefined) {
    const refusal = sampleRefusal(await ports.verifier().sample(rendered.queries, askedAt, signal))
    if (refusal !== undefined) return refusal
  }
  const symptom = await symptomOf(ports, input, learned, signal)
  if (symptom.kind === 'stop') return symptom.refusal
  const changed = Math.max(...known)
  if (changed >= symptom.value.since - within) return undefined
  return `${workload.ref.name} changed ${new Date(changed).toISOString()}, more than ${formatDuration(within)} before the symptom`
}
