import { type Change, changesOf, DEFAULT_CHANGED_WITHIN, RESOLUTION_MS, releaseRevision, type Witness } from '../../domain/change.ts'
import type { GuardInput } from '../../domain/guard.ts'
import {
  alignedSpanBefore,
  failedInRow,
  type History,
  lookBack,
  type Point,
  type Span,
  samplingOf,
  spanBefore,
  stretchStart
} from '../../domain/history.ts'
import type { RenderedQuery } from '../../domain/ports/verifier.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Run } from '../../domain/run.ts'
import { runsVersion } from '../../domain/runs-version.ts'
import type { Changed, DatedChange, Dating, Symptom } from '../../domain/symptom.ts'
import type { ReadingPorts } from '../ports.ts'
import { renderQueries } from './queries.ts'
import type { Resolved } from './resolve.ts'
import { next, type StageResult, stop } from './stage.ts'

type Ports = Pick<ReadingPorts, 'verifier' | 'cluster'>
type Dated = Pick<Resolved, 'run' | 'workload' | 'guardInput' | 'at'>

/** What is measured, and when. A recovery that Astern confirmed ends every stretch before it. */
interface Measured extends Pick<Dated, 'workload' | 'at'> {
  readonly run: Pick<Run, 'policy' | 'trigger' | 'target'>
  readonly recoveredAt?: number | undefined
}

/** Since when the symptom is there, as its own queries say of the past (rules 2). It fails at `at`, as a sample of this moment showed. */
export async function measureSymptom(
  ports: Ports,
  { run, workload, at, recoveredAt = Number.NEGATIVE_INFINITY }: Measured,
  signal: AbortSignal
): Promise<StageResult<Symptom>> {
  const rendered = renderQueries(run, workload, { pods: 'of-any-version' })
  if (rendered.kind === 'refused') return stop(rendered.refusal)
  const { queries } = rendered
  const span = alignedSpanBefore(at, run.policy.changedWithin ?? DEFAULT_CHANGED_WITHIN, samplingOf(queries).every)
  const history = await ports.verifier().history(queries, span, signal)
  if (history.kind === 'unknown') return stop(unknownPast(history))
  const since = stretchStart(history.points, at, {
    // A long span has few points. Two that follow each other are never a gap, however far apart they are.
    gap: Math.max(lookBack(queries), 1.5 * span.step),
    notBefore: recoveredAt
  })
  return next({
    since,
    orBefore: since - span.from < span.step,
    resolution: span.step,
    queries: queries.map(query => query.name),
    measuredAt: at
  })
}

/** Puts the changes of the target in order with the symptom: did the queries fail before each of them already? */
export async function orderChanges(ports: Ports, dated: Dated, symptom: Symptom, signal: AbortSignal): Promise<StageResult<Dating>> {
  const { run, workload, guardInput } = dated
  const rendered = renderQueries(run, workload, { pods: 'of-any-version' })
  if (rendered.kind === 'refused') return stop(rendered.refusal)
  const { dated: all, undated } = changesOfOthers(guardInput)
  // An older change is not blamed, and whoever made it does not mend what began long after it.
  const oldest = symptom.since - (run.policy.changedWithin ?? DEFAULT_CHANGED_WITHIN)
  const asked = await Promise.all(
    all.map(change =>
      change.at < oldest ? next({ ...change, order: 'long-before' as const }) : orderOf(ports, change, rendered.queries, signal)
    )
  )
  const changes: DatedChange[] = []
  for (const answer of asked) {
    if (answer.kind === 'stop') return answer
    changes.push(answer.value)
  }
  return next({ symptom, changes, undated })
}

/** Asks everything again: since when, and in which order. */
export async function dateAnew(ports: Ports, dated: Dated, signal: AbortSignal): Promise<StageResult<Dating>> {
  const symptom = await measureSymptom(ports, { ...dated, recoveredAt: dated.guardInput.facts.recoveredAt }, signal)
  return symptom.kind === 'stop' ? symptom : orderChanges(ports, dated, symptom.value, signal)
}

type UndatedChange = Omit<DatedChange, 'order'>

/** The changes of the target, less those that this run itself made: it judged them when it made them. */
function changesOfOthers({ workload, facts, run, clusterOffset }: GuardInput): {
  readonly dated: readonly UndatedChange[]
  readonly undated: Dating['undated']
} {
  const { template, release, image } = changesOf(workload, facts, clusterOffset)
  const own = (made: string): boolean => run.wrote && facts.ownWrites.includes(made)
  const ofRelease = workload.release?.latest && releaseRevision(workload.release, workload.release.latest.revision)
  const others: { readonly what: Changed; readonly change: Change }[] = [
    ...(own(workload.identity) ? [] : [{ what: 'template', change: template } as const]),
    ...(release === undefined || (ofRelease !== undefined && own(ofRelease)) ? [] : [{ what: 'release', change: release } as const]),
    ...(image === undefined ? [] : [{ what: 'image', change: image } as const])
  ]
  const dated = others.flatMap(({ what, change }) =>
    change.kind === 'known' ? [{ what, at: change.at - clusterOffset, by: change.by }] : []
  )
  const undated = others.flatMap(({ what, change }) => (change.kind === 'unknown' ? [{ what, why: change.why }] : []))
  // CI may tell of a deployment before the cluster shows it. One that names what runs already tells nothing new.
  const marker = facts.markers.find(({ version, at }) => !runsVersion(workload.template, version) && dated.every(change => change.at < at))
  return { undated, dated: marker === undefined ? dated : [...dated, { what: 'marker', at: marker.at, by: 'marker' }] }
}

/** Clocks that are known so well, together, are not worth to be waited for, milliseconds. Some ten answers of each source give that. */
const KNOWN_WELL_MS = 300

/** Asks whether the queries failed before a change, as a verdict has it. */
async function orderOf(
  ports: Ports,
  change: UndatedChange,
  queries: readonly RenderedQuery[],
  signal: AbortSignal
): Promise<StageResult<DatedChange>> {
  const { samples, every } = samplingOf(queries)
  const unsure = uncertainty(ports, change.by)
  const before = spanBefore(change.at - unsure, lookBack(queries), every)
  // Whatever fails in a row up to here may have begun before the change, or after it.
  const around = spanBefore(change.at + unsure, 2 * unsure + (samples - 1) * every, every)
  const verifier = ports.verifier()
  const [past, near] = await Promise.all([verifier.history(queries, before, signal), verifier.history(queries, around, signal)])
  const unknown = [past, near].find(history => history.kind === 'unknown')
  if (unknown?.kind === 'unknown') return stop(unknownPast(unknown))
  const failed = (history: History, span: Span): boolean => failedInRow(pointsOf(history), span, samples)
  if (failed(past, before)) return next({ ...change, order: 'symptom-first' })
  if (!failed(near, around)) return next({ ...change, order: 'change-first' })
  // Each answer of a source narrows down where its clock is, so right after a start it is worth to wait for some more.
  const clocks = unsure - (change.by === 'marker' ? 0 : RESOLUTION_MS[change.by])
  if (clocks > KNOWN_WELL_MS)
    return stop({ reason: 'clock-skew', detail: `the clocks are known to ${clocks} ms so far, and change and symptom lie closer together` })
  return next({ ...change, order: 'unclear' })
}

/** Whether the queries failed in a period, as a verdict has it. Instants in Astern's clock. */
export async function failedWithin(
  ports: Ports,
  { run, workload, from, to }: Pick<Dated, 'run' | 'workload'> & { readonly from: number; readonly to: number },
  signal: AbortSignal
): Promise<StageResult<boolean>> {
  const rendered = renderQueries(run, workload, { pods: 'of-any-version' })
  if (rendered.kind === 'refused') return stop(rendered.refusal)
  const { samples, every } = samplingOf(rendered.queries)
  const span = spanBefore(to, to - from, every)
  const history = await ports.verifier().history(rendered.queries, span, signal)
  return history.kind === 'unknown' ? stop(unknownPast(history)) : next(failedInRow(history.points, span, samples))
}

/** Whether the queries passed at any time of a period. No data is no pass. Instants in Astern's clock. */
export async function passedWithin(
  ports: Ports,
  { run, workload, from, to }: Pick<Measured, 'run' | 'workload'> & { readonly from: number; readonly to: number },
  signal: AbortSignal
): Promise<StageResult<boolean>> {
  const rendered = renderQueries(run, workload, { pods: 'of-any-version' })
  if (rendered.kind === 'refused') return stop(rendered.refusal)
  const span = spanBefore(to, to - from, samplingOf(rendered.queries).every)
  const history = await ports.verifier().history(rendered.queries, span, signal)
  return history.kind === 'unknown' ? stop(unknownPast(history)) : next(history.points.some(point => point.verdict === 'pass'))
}

function pointsOf(history: History): readonly Point[] {
  return history.kind === 'points' ? history.points : []
}

/** By how much the instant of a change and those of the queries may differ from the truth together, milliseconds. */
function uncertainty({ cluster, verifier }: Ports, by: Witness): number {
  // Astern itself received a marker, so the API server's clock has no part in it.
  const ofChange = by === 'marker' ? 0 : cluster.clockUncertainty() + RESOLUTION_MS[by]
  return Math.ceil(ofChange + verifier().clockUncertainty())
}

function unknownPast({ problem, detail }: Extract<History, { readonly kind: 'unknown' }>): Refusal {
  const unclear = problem === 'warnings' || problem === 'partial' || problem === 'stale'
  const reason = problem === 'query-rejected' ? 'query-invalid' : unclear ? 'inconclusive' : 'source-unreachable'
  return { reason, detail: `since when the symptom is there cannot be asked: ${detail}` }
}
