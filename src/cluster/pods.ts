import { instantAt, isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import type { PodSummary, RunningImage } from '../domain/workload.ts'
import { controllerName, controllerUid } from './metadata.ts'

/** The waiting reasons of containers that will not start by themselves. */
const BROKEN = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError'
])

/** The annotation of a static pod, which a node made from a file of its own. */
const MIRROR = 'kubernetes.io/config.mirror'

/** Summarises a pod. `current`: whether it has the target's present template; `of`: the revision that it is of. */
export function toPod(pod: JsonObject, { current, of }: Pick<PodSummary, 'current' | 'of'>): PodSummary {
  const statuses = [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')]
  const waiting = statuses.flatMap(status => textAt(status, 'state', 'waiting', 'reason') ?? []).find(reason => BROKEN.has(reason))
  const condition = listAt(pod, 'status', 'conditions').find(found => textAt(found, 'type') === 'Ready')
  const readyAt = instantAt(condition, 'lastTransitionTime')
  const ip = textAt(pod, 'status', 'podIP')
  const images = imagesOf(pod)
  return {
    name: textAt(pod, 'metadata', 'name') ?? '',
    uid: textAt(pod, 'metadata', 'uid') ?? '',
    ready: textAt(condition, 'status') === 'True',
    ...(readyAt === undefined ? {} : { readyAt }),
    current,
    ...(of === undefined ? {} : { of }),
    ...(images.length === 0 ? {} : { images }),
    ...(waiting === undefined ? {} : { waiting }),
    createdAt: instantAt(pod, 'metadata', 'creationTimestamp') ?? 0,
    terminating: objectAt(pod, 'metadata')['deletionTimestamp'] !== undefined,
    controlled: controllerUid(pod) !== undefined,
    mirror: objectAt(pod, 'metadata', 'annotations')[MIRROR] !== undefined,
    ...(ip === undefined || ip === '' ? {} : { ip }),
    hostNetwork: objectAt(pod, 'spec')['hostNetwork'] === true
  }
}

/** What its containers run. A container has no id before its image is pulled. */
function imagesOf(pod: JsonObject): readonly RunningImage[] {
  return listAt(pod, 'status', 'containerStatuses').flatMap(status => {
    const container = textAt(status, 'name') ?? ''
    const id = textAt(status, 'imageID') ?? ''
    const image = textAt(
      listAt(pod, 'spec', 'containers').find(one => textAt(one, 'name') === container),
      'image'
    )
    if (id === '' || image === undefined) return []
    const startedAt = instantAt(status, 'state', 'running', 'startedAt')
    return [{ container, image, id, ...(startedAt === undefined ? {} : { startedAt }) }]
  })
}

/** Names each pod of the present template that will not start by itself, as `name: CrashLoopBackOff`. */
export function brokenAmong(pods: readonly PodSummary[]): readonly string[] {
  return pods.filter(pod => pod.current).flatMap(pod => (pod.waiting === undefined ? [] : [`${pod.name}: ${pod.waiting}`]))
}

/** The pods that the sets control. A pod is `current` where its set has the present template. */
export function podsOf(
  pods: readonly unknown[],
  sets: { readonly owned: ReadonlySet<string | undefined>; readonly current: ReadonlySet<string | undefined> }
): PodSummary[] {
  return pods.filter(isObject).flatMap(pod => {
    const controller = controllerUid(pod)
    if (controller === undefined || !sets.owned.has(controller)) return []
    const of = controllerName(pod)
    return [toPod(pod, { current: sets.current.has(controller), ...(of === undefined ? {} : { of }) })]
  })
}
