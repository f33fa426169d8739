import type { GuardInput } from '../../domain/guard.ts'
import type { VerificationQuery } from '../../domain/policy.ts'
import type { RenderedQuery } from '../../domain/ports/verifier.ts'
import type { Refusal } from '../../domain/reasons.ts'
import type { Run } from '../../domain/run.ts'
import { templateValues } from '../../domain/trigger.ts'
import type { Sample } from '../../domain/verdict.ts'
import type { Workload } from '../../domain/workload.ts'
import { quoteRegex, renderPromql } from '../../templates/promql.ts'
import { renderRefusal } from '../../templates/template.ts'

export type QueriesResult =
  | { readonly kind: 'queries'; readonly queries: readonly RenderedQuery[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export interface Asked {
  /**
   * Either the symptom, which concerns the policy's target on every rung, or the conditions of one rung, which concern the rung's
   * own target. Default: the symptom.
   */
  readonly queries?: readonly VerificationQuery[]
  /** Whose pods `{{ target.pods }}` are: those of the version that is judged, or of every version that ever ran. Default: the first. */
  readonly pods?: 'of-the-suspect' | 'of-any-version'
}

/** The policy's queries for this run, rendered. */
export function renderQueries(
  run: Pick<Run, 'policy' | 'trigger' | 'target'>,
  workload: Workload,
  { queries: asked = run.policy.verify, pods: whose }: Asked = {}
): QueriesResult {
  const pods =
    whose === 'of-any-version' ? podsOfAnyVersion(workload) : workload.pods.filter(pod => pod.current).map(pod => quoteRegex(pod.name))
  if (pods.length === 0 && asked.some(query => query.boundToPods))
    return { kind: 'refused', refusal: { reason: 'inconclusive', detail: 'the present revision has no pods to ask about' } }
  const { kind, namespace, name } = asked === run.policy.verify ? (run.target ?? workload.ref) : workload.ref
  const values = {
    ...templateValues(run.trigger),
    target: { kind, namespace, name, ...(pods.length === 0 ? {} : { pods: pods.join('|') }) }
  }
  const queries: RenderedQuery[] = []
  for (const query of asked) {
    const promql = renderPromql(query.promql, values)
    if (promql.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(promql) }
    const { traffic, ...rest } = query
    if (traffic === undefined) {
      queries.push({ ...rest, promql: promql.text })
      continue
    }
    const rendered = renderPromql(traffic.promql, values)
    if (rendered.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(rendered) }
    queries.push({ ...rest, promql: promql.text, traffic: { promql: rendered.text, atLeast: traffic.atLeast } })
  }
  return { kind: 'queries', queries }
}

/** Kubernetes makes a pod's name of this many characters of its owner's name and a dash, and five random ones (facts B.9). */
const POD_NAME_BASE = 58
const RANDOM = '[a-z0-9]{5}'

/** Regular expressions of the names of all pods that any version of the target has, or had. */
function podsOfAnyVersion({ ref, revisions, pods }: Workload): readonly string[] {
  const generated = (owner: string): string => quoteRegex(`${owner}-`.slice(0, POD_NAME_BASE)) + RANDOM
  const present = pods.map(pod => quoteRegex(pod.name))
  switch (ref.kind) {
    case 'Deployment':
    case 'Rollout':
      return [...revisions.map(revision => generated(revision.name)), ...present]
    case 'DaemonSet':
      return [generated(ref.name), ...present]
    case 'StatefulSet':
      return [`${quoteRegex(ref.name)}-[0-9]+`, ...present]
  }
}

/** Until this instant (Astern's clock) a query's window still contains numbers from before the suspect's rollout was complete. */
export function windowsOverAt(queries: readonly RenderedQuery[], workload: Workload, clusterOffset: number): number | undefined {
  const unbound = queries.filter(query => !query.boundToPods)
  if (unbound.length === 0) return undefined
  // For a release that changed no template, the end of helm's operation counts.
  const latest = workload.release?.latest
  const ends = [workload.rollout.completedAt, latest?.finishedAt ?? latest?.changedAt].filter(at => at !== undefined)
  if (ends.length === 0) return undefined
  const completedAt = Math.max(...ends)
  // Kubernetes writes whole seconds, so the rollout may have been complete up to one second later than it says.
  return completedAt + 1_000 - clusterOffset + Math.max(...unbound.map(query => query.window))
}

/** The reason to wait after a sample; undefined where the sample fails, because that confirms the symptom. */
export function sampleRefusal(sample: Sample): Refusal | undefined {
  const detail = sample.queries.map(query => `${query.query}: ${query.detail ?? query.value ?? query.verdict}`).join('; ')
  const facts = { sample }
  switch (sample.verdict) {
    case 'fail':
      return undefined
    case 'pass':
      return { reason: 'symptom-not-confirmed', detail, facts }
    case 'inconclusive':
      return { reason: 'inconclusive', detail, facts }
    case 'error':
      return { reason: sample.problem === 'query-rejected' ? 'query-invalid' : 'source-unreachable', detail, facts }
  }
}

/** Whether the numbers must be the suspect's own, which they must where the step blames a change. */
export function needsSuspect(input: GuardInput): boolean {
  return input.action.blames !== 'nothing' || input.policy.changedWithin !== undefined
}
