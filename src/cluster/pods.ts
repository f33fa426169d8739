import { instantAt, isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { countedPods, type PodSummary, type RunningImage } from '../domain/pod.ts'
import { brokenContainer, preparing, runningSince, unreadyContainers } from './containers.ts'
import { controllerName, controllerUid } from './metadata.ts'
import { patienceOf } from './patience.ts'

/** The annotation of a static pod, which a node made from a file of its own. */
const MIRROR = 'kubernetes.io/config.mirror'

/** Summarises a pod. `current`: whether it has the target's present template; `of`: the revision that it is of. */
export function toPod(pod: JsonObject, { current, of }: Pick<PodSummary, 'current' | 'of'>): PodSummary {
  const waiting = brokenContainer(pod)
  const conditions = listAt(pod, 'status', 'conditions')
  const condition = conditions.find(found => textAt(found, 'type') === 'Ready')
  const scheduled = conditions.find(found => textAt(found, 'type') === 'PodScheduled')
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
    hostNetwork: objectAt(pod, 'spec')['hostNetwork'] === true,
    ...startOf(pod),
    // No node takes it, something else must open its gate first, or the scheduler itself fails.
    ...(textAt(scheduled, 'status') === 'False'
      ? { unschedulable: textAt(scheduled, 'message') ?? textAt(scheduled, 'reason') ?? 'nothing says why' }
      : {}),
    ...endOf(pod)
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

/** How its containers got on, and where. */
function startOf(pod: JsonObject): Partial<PodSummary> {
  const unready = unreadyContainers(pod)
  const node = textAt(pod, 'spec', 'nodeName')
  const running = runningSince(pod)
  const starting = preparing(pod)
  return {
    ...(node === undefined ? {} : { node }),
    ...(unready.length === 0 ? {} : { unready }),
    ...(running === undefined ? {} : { runningSince: running }),
    ...(starting === undefined ? {} : { starting }),
    patienceMs: patienceOf(objectAt(pod, 'spec'))
  }
}

/** Whether it ended or has to end, and what keeps it. */
function endOf(pod: JsonObject): Partial<PodSummary> {
  const finalizers = listAt(pod, 'metadata', 'finalizers').filter(one => typeof one === 'string')
  // Kubernetes writes there when the grace period ends, and not when somebody asked.
  const goneBy = instantAt(pod, 'metadata', 'deletionTimestamp')
  return {
    ...(ENDED.has(textAt(pod, 'status', 'phase') ?? '') ? { ended: true } : {}),
    ...(goneBy === undefined ? {} : { goneBy }),
    ...(finalizers.length === 0 ? {} : { finalizers })
  }
}

const ENDED: ReadonlySet<string> = new Set(['Succeeded', 'Failed'])

/** Names each pod of the present template with a container in back-off, and why, as `name: CrashLoopBackOff`. */
export function brokenAmong(pods: readonly PodSummary[]): readonly string[] {
  return countedPods(pods)
    .filter(pod => pod.current)
    .flatMap(({ name, waiting, unready = [] }) => {
      const why = unready.find(({ backOff }) => backOff !== undefined)?.backOff ?? waiting
      return why === undefined ? [] : [`${name}: ${why}`]
    })
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
