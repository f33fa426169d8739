import { isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { listKept } from '../domain/long-list.ts'
import type { LookScope } from '../domain/namespaces.ts'
import { KINDS, type ObjectRef, objectPath } from '../domain/objects.ts'
import { markOperations } from '../domain/plan.ts'
import type { Cluster, ReadResult, WriteResult } from '../domain/ports/cluster.ts'
import { FIELD_MANAGER, type KubeAnswer } from '../domain/ports/kube.ts'
import type { Workload } from '../domain/workload.ts'
import { isUnserved } from '../domain/write-answers.ts'
import { asAsked, toWriteResult } from '../domain/write-result.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import { createApiScopes } from './api-scopes.ts'
import { templateHolder, toArgoRollout } from './argo-rollout.ts'
import { toRevisioned } from './controller-revisions.ts'
import { toDeployment } from './deployment.ts'
import { keptPod, keptRevision } from './kept.ts'
import type { KubeClient } from './kube-client.ts'
import { readOwners } from './owners.ts'
import { createOwningRelease } from './owning-release.ts'
import { withRefusedPods } from './refused-pods.ts'
import { createReleaseReader } from './release.ts'
import { createReleaseContents, type ReleaseContents } from './release-contents.ts'
import { createSurroundings } from './surroundings.ts'

/**
 * Reads targets with their history and owners, and sends patches that have preconditions.
 * @param scope where what an object's metadata names may be looked up
 */
export function createCluster(client: KubeClient, offset: ClockOffset, now: () => number, scope: LookScope): Cluster {
  const isNamespaced = createApiScopes(client)
  const unread: ReleaseContents = async () => ({ kind: 'unread', detail: scope.releasesUnread() ?? '' })
  const readContents = createReleaseContents(client, isNamespaced)
  const contents: ReleaseContents = (place, signal) => (scope.releasesUnread() === undefined ? readContents : unread)(place, signal)
  const owning = createOwningRelease(createReleaseReader(client, now), contents, scope)
  return {
    async read(target, signal): Promise<ReadResult> {
      const result = await readWithPods(client, target, signal)
      if (result.kind !== 'found') return result
      const workload = await withRefusedPods({ kube: client, now }, result.workload, signal)
      return { kind: 'found', workload: await owning(workload, signal) }
    },

    owners: (workload, signal) => readOwners({ kube: client, workload, scope, contents, signal }),

    isNamespaced,

    around: createSurroundings(client, now),

    async write(plan, { intent, dryRun }, signal): Promise<WriteResult> {
      const { path, operations, mark } = plan.write
      const query = `?fieldManager=${FIELD_MANAGER}${dryRun ? '&dryRun=All' : ''}`
      const answer = await client.jsonPatch(path + query, [...operations, ...markOperations(mark, intent)], signal)
      const result = toWriteResult('patch', answer, now)
      return dryRun ? asAsked(operations, answer, result) : result
    },

    clockOffset: () => offset.value(),

    clockUncertainty: () => offset.uncertainty()
  }
}

/** A target, and its pods as the API server has them besides. */
export type ReadWithPods = { readonly kind: 'found'; readonly workload: Workload; readonly pods: readonly JsonObject[] } | FailedRead

type FailedRead = Exclude<ReadResult, { readonly kind: 'found' }>

/** Reads a target with its history and its pods, and nothing of its owners. */
export async function readWithPods(client: Pick<KubeClient, 'get'>, target: ObjectRef, signal: AbortSignal): Promise<ReadWithPods> {
  const read = await client.get(objectPath(target), signal)
  if (read.kind !== 'ok') return failedRead(read, target)
  const object = read.object
  const holderPath = target.kind === 'Rollout' ? templateHolder(object, target.namespace) : undefined
  const held = holderPath === undefined ? undefined : await client.get(holderPath, signal)
  if (held !== undefined && held.kind !== 'ok') return failedRead(held, target)
  const holder = held === undefined || holderPath === undefined ? undefined : { path: holderPath, object: held.object }
  const selector = labelSelector(objectAt(object, 'spec', 'selector')) ?? labelSelector(objectAt(holder?.object, 'spec', 'selector'))
  if (selector === undefined) return { kind: 'not-found', detail: `${target.namespace}/${target.name} has a selector that cannot be read` }
  const query = `?labelSelector=${encodeURIComponent(selector)}`
  const namespace = encodeURIComponent(target.namespace)
  const history = target.kind === 'Deployment' || target.kind === 'Rollout' ? 'replicasets' : 'controllerrevisions'
  const uid = textAt(object, 'metadata', 'uid') ?? ''
  const [revisions, pods] = await Promise.all([
    listKept(client.get, `/apis/apps/v1/namespaces/${namespace}/${history}${query}`, keptRevision(uid), signal),
    listKept(client.get, `/api/v1/namespaces/${namespace}/pods${query}`, keptPod, signal)
  ])
  if (revisions.kind !== 'ok') return failedRead(revisions, target)
  if (pods.kind !== 'ok') return failedRead(pods, target)
  return {
    kind: 'found',
    workload: toWorkload(target, object, holder, { revisions: revisions.items, pods: pods.items }),
    pods: pods.items
  }
}

function toWorkload(
  target: ObjectRef,
  object: JsonObject,
  holder: { readonly path: string; readonly object: JsonObject } | undefined,
  { revisions, pods }: { readonly revisions: readonly unknown[]; readonly pods: readonly unknown[] }
): Workload {
  switch (target.kind) {
    case 'Deployment':
      return toDeployment(target, object, revisions, pods)
    case 'StatefulSet':
    case 'DaemonSet':
      return toRevisioned(target, object, revisions, pods)
    case 'Rollout':
      return toArgoRollout(target, object, holder, { replicaSets: revisions, pods })
  }
}

function failedRead(answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>, target: ObjectRef): FailedRead {
  if (answer.kind === 'unreachable') return { kind: 'unreachable', detail: answer.detail }
  if (answer.status === 404)
    return {
      kind: 'not-found',
      detail: isUnserved(answer)
        ? `the API server serves no ${KINDS[target.kind].resource}: ${answer.detail}`
        : `there is no ${target.kind} ${target.namespace}/${target.name}`
    }
  if (answer.status === 401 || answer.status === 403) return { kind: 'forbidden', detail: answer.detail }
  const { retryAfterMs } = answer
  return { kind: 'unreachable', detail: `${answer.status}: ${answer.detail}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** Formats a label selector as the API's query parameter: labels and expressions; undefined for an operator that is not known. */
export function labelSelector(selector: unknown): string | undefined {
  const parts: string[] = []
  for (const [key, value] of Object.entries(objectAt(selector, 'matchLabels'))) {
    // A Rollout's schema takes any text here, and a comma would begin another condition.
    if (!isSelectable(key, [value])) return undefined
    parts.push(`${key}=${String(value)}`)
  }
  for (const expression of listAt(selector, 'matchExpressions')) {
    if (!isObject(expression)) return undefined
    const key = textAt(expression, 'key') ?? ''
    if (!isSelectable(key, listAt(expression, 'values'))) return undefined
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

const LABEL_KEY = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?(\/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/

function isSelectable(key: string, values: readonly unknown[]): boolean {
  return LABEL_KEY.test(key) && values.every(value => LABEL_VALUE.test(String(value)))
}
