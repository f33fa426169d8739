import type { Cluster, ReadResult, WriteResult } from '../domain/cluster.ts'
import { isObject, listAt, numberAt, objectAt, textAt } from '../domain/json.ts'
import type { ObjectRef } from '../domain/objects.ts'
import { INTENT_ANNOTATION, pointerKey } from '../domain/plan.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { KubeAnswer, KubeClient } from './kube-client.ts'
import { toWorkload } from './workload.ts'

/** Must not begin with `kubectl`: Flux takes such fields away from their manager (facts D.2). */
export const FIELD_MANAGER = 'astern'

export function deploymentPath(ref: { readonly namespace: string; readonly name: string }): string {
  return `/apis/apps/v1/namespaces/${encodeURIComponent(ref.namespace)}/deployments/${encodeURIComponent(ref.name)}`
}

/** Reads and guarded writes of Deployments. */
export function createCluster(client: KubeClient, offset: ClockOffset, now: () => number): Cluster {
  return {
    async read(target, signal): Promise<ReadResult> {
      const deployment = await client.get(deploymentPath(target), signal)
      if (deployment.kind !== 'ok') return failedRead(deployment, target)
      const selector = labelSelector(objectAt(deployment.object, 'spec', 'selector'))
      if (selector === undefined)
        return { kind: 'not-found', detail: `${target.namespace}/${target.name} has a selector that cannot be read` }
      const query = `?labelSelector=${encodeURIComponent(selector)}`
      const namespace = encodeURIComponent(target.namespace)
      const [sets, pods] = await Promise.all([
        client.get(`/apis/apps/v1/namespaces/${namespace}/replicasets${query}`, signal),
        client.get(`/api/v1/namespaces/${namespace}/pods${query}`, signal)
      ])
      if (sets.kind !== 'ok') return failedRead(sets, target)
      if (pods.kind !== 'ok') return failedRead(pods, target)
      return { kind: 'found', workload: toWorkload(target, deployment.object, listAt(sets.object, 'items'), listAt(pods.object, 'items')) }
    },

    async uidOf(target, signal) {
      const deployment = await client.get(deploymentPath(target), signal)
      return deployment.kind === 'ok' ? textAt(deployment.object, 'metadata', 'uid') : undefined
    },

    async write(plan, { intent, dryRun }, signal): Promise<WriteResult> {
      const operations = [
        ...plan.write.operations,
        { op: 'add', path: `/metadata/annotations/${pointerKey(INTENT_ANNOTATION)}`, value: intent }
      ]
      const path = `${deploymentPath(plan.target)}?fieldManager=${FIELD_MANAGER}${dryRun ? '&dryRun=All' : ''}`
      const answer = await client.jsonPatch(path, operations, signal)
      if (answer.kind === 'ok') return { kind: 'applied', generation: numberAt(answer.object, 'metadata', 'generation') ?? 0, at: now() }
      if (answer.kind === 'unreachable') return { kind: 'unknown', detail: answer.detail }
      return failedWrite(answer)
    },

    clockOffset: () => offset.value()
  }
}

function failedRead(answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>, target: ObjectRef): ReadResult {
  if (answer.kind === 'unreachable') return { kind: 'unreachable', detail: answer.detail }
  if (answer.status === 404) return { kind: 'not-found', detail: `there is no ${target.kind} ${target.namespace}/${target.name}` }
  if (answer.status === 401 || answer.status === 403) return { kind: 'forbidden', detail: answer.detail }
  return { kind: 'unreachable', detail: `${answer.status}: ${answer.detail}` }
}

function failedWrite({ status, detail }: { readonly status: number; readonly detail: string }): WriteResult {
  // A failed `test` is 422, and so is an object that is not valid: only reading again tells which (facts B.0, G.5).
  if (status === 409 || status === 422) return { kind: 'conflict', detail }
  if (status === 401 || status === 403) return { kind: 'forbidden', detail }
  if (status === 404) return { kind: 'not-found', detail }
  if (status >= 500 || status === 429 || status === 408) return { kind: 'unknown', detail: `${status}: ${detail}` }
  return { kind: 'refused', detail: `${status}: ${detail}` }
}

/** A label selector as the API's query parameter: labels and expressions; undefined for an operator that is not known. */
export function labelSelector(selector: unknown): string | undefined {
  const parts = Object.entries(objectAt(selector, 'matchLabels')).map(([key, value]) => `${key}=${String(value)}`)
  for (const expression of listAt(selector, 'matchExpressions')) {
    if (!isObject(expression)) return undefined
    const key = textAt(expression, 'key')
    const values = listAt(expression, 'values').map(String).join(',')
    switch (expression['operator']) {
      case 'In':
        parts.push(`${key} in (${values})`)
        break
      case 'NotIn':
        parts.push(`${key} notin (${values})`)
        break
      case 'Exists':
        parts.push(`${key}`)
        break
      case 'DoesNotExist':
        parts.push(`!${key}`)
        break
      default:
        return undefined
    }
  }
  // An empty selector would mean everything.
  return parts.length === 0 ? undefined : parts.join(',')
}
