import type { GuardInput } from '../../domain/guard.ts'
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

/**
 * The policy's queries for this run. `asked`: the symptom, which is the policy's target's whichever rung is climbed; or a
 * rung's own conditions, which are its own target's.
 */
export function renderQueries(run: Run, workload: Workload, asked = run.policy.verify): QueriesResult {
  const pods = workload.pods.filter(pod => pod.current).map(pod => quoteRegex(pod.name))
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

/** Until when (Astern's clock) a query's window still holds numbers from before the suspect's rollout was complete. */
export function windowsOverAt(queries: readonly RenderedQuery[], workload: Workload, clusterOffset: number): number | undefined {
  const unbound = queries.filter(query => !query.boundToPods)
  if (unbound.length === 0) return undefined
  // A release that changed no template shows when helm was done with it.
  const latest = workload.release?.latest
  const ends = [workload.rollout.completedAt, latest?.finishedAt ?? latest?.changedAt].filter(at => at !== undefined)
  if (ends.length === 0) return undefined
  const completedAt = Math.max(...ends)
  // Kubernetes writes whole seconds: the rollout may have been complete up to one later than it says.
  return completedAt + 1_000 - clusterOffset + Math.max(...unbound.map(query => query.window))
}

/** What a sample means for acting: nothing where it fails, which confirms the symptom; else the reason to wait. */
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

/** Evidence must belong to the suspect where a change is to be blamed. */
export function needsSuspect(input: GuardInput): boolean {
  return input.action.blames !== 'nothing' || input.policy.changedWithin !== undefined
}
