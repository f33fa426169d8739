import { SECOND } from '../base/clock.ts'
import { instantAt, isObject, type JsonObject, listAt, numberAt, objectAt, textAt, textMap } from '../base/json.ts'
import type { DeclaredPort, DeclaredProbe, GuardedContainer, GuardedPod } from '../domain/guarded-pod.ts'
import type { PodSummary } from '../domain/pod.ts'

/** Annotations that tell scrapers where to read a pod. All others are let go of: some tools keep whole documents there. */
const FOR_SCRAPERS = /^prometheus\./
/** Characters; a path or a port is shorter. */
const LONGEST_ANNOTATION = 500
/** Characters of what a node says of a container. An image's name and the registry's answer fit in. */
const LONGEST_MESSAGE = 1_000
/** A kubelet writes a pod's first conditions within so many milliseconds after its start; Kubernetes writes whole seconds. */
const FIRST_CONDITIONS_MS = 10 * SECOND

/** What tells a pod apart besides its object: its version, and the API server's clock less Astern's, milliseconds. */
export interface PodContext {
  readonly version: GuardedPod['version']
  readonly offset: number
}

/** Reads what a deploy guard needs of a pod. Pure. */
export function toGuardedPod(pod: JsonObject, { version, offset }: PodContext): GuardedPod {
  const here = (instant: number | undefined): number | undefined => (instant === undefined ? undefined : instant - offset)
  const spec = objectAt(pod, 'spec')
  const containers = containersOf(pod, here)
  const readyFrom = here(readyFromOf(pod))
  const deletedAt = here(deletedAtOf(pod))
  const ip = textAt(pod, 'status', 'podIP') ?? ''
  return {
    uid: textAt(pod, 'metadata', 'uid') ?? '',
    name: textAt(pod, 'metadata', 'name') ?? '',
    namespace: textAt(pod, 'metadata', 'namespace') ?? '',
    version,
    bornAt: here(instantAt(pod, 'metadata', 'creationTimestamp')) ?? 0,
    ...(readyFrom === undefined ? {} : { readyFrom }),
    ...(deletedAt === undefined ? {} : { deletedAt }),
    // A node's address is not the pod's own: whatever listens there may be anybody's.
    ...(ip === '' || spec['hostNetwork'] === true ? {} : { ip }),
    restarts: containers.reduce((sum, { restarts }) => sum + restarts, 0),
    annotations: Object.fromEntries(
      Object.entries(textMap(objectAt(pod, 'metadata')['annotations'])).filter(
        ([name, value]) => FOR_SCRAPERS.test(name) && value.length <= LONGEST_ANNOTATION
      )
    ),
    ports: running(spec).flatMap(container => listAt(container, 'ports').flatMap(toPort)),
    probes: running(spec).flatMap(container => [...toProbe(container, 'readinessProbe'), ...toProbe(container, 'livenessProbe')]),
    containers
  }
}

/** Tells a pod's version by the revision that it is of. Labels that people add say nothing. */
export function versionOf(
  summary: Pick<PodSummary, 'current' | 'of'>,
  judged: { readonly isPresent: boolean; readonly revisions: ReadonlySet<string> }
): GuardedPod['version'] {
  if (judged.isPresent) return summary.current ? 'new' : 'old'
  return summary.of !== undefined && judged.revisions.has(summary.of) ? 'new' : 'old'
}

/**
 * When a pod became Ready, API server's clock. Of one that is not Ready only the last change is shown; where that is no part of its
 * start, it was Ready until then, and nothing says since when: it certainly was so at that moment.
 */
function readyFromOf(pod: JsonObject): number | undefined {
  const ready = listAt(pod, 'status', 'conditions').find(condition => textAt(condition, 'type') === 'Ready')
  const changedAt = instantAt(ready, 'lastTransitionTime')
  if (textAt(ready, 'status') === 'True') return changedAt ?? instantAt(pod, 'metadata', 'creationTimestamp')
  const startedAt = instantAt(pod, 'status', 'startTime')
  if (changedAt === undefined || startedAt === undefined) return undefined
  return changedAt - startedAt > FIRST_CONDITIONS_MS ? changedAt : undefined
}

/** Kubernetes writes there when the grace period ends, and not when somebody asked. A pod that ended by itself serves nothing either. */
function deletedAtOf(pod: JsonObject): number | undefined {
  const goneBy = instantAt(pod, 'metadata', 'deletionTimestamp')
  if (goneBy !== undefined) return goneBy - (numberAt(pod, 'metadata', 'deletionGracePeriodSeconds') ?? 0) * SECOND
  const phase = textAt(pod, 'status', 'phase')
  if (phase !== 'Failed' && phase !== 'Succeeded') return undefined
  const ends = listAt(pod, 'status', 'containerStatuses').flatMap(status => instantAt(status, 'state', 'terminated', 'finishedAt') ?? [])
  const changes = listAt(pod, 'status', 'conditions').flatMap(condition => instantAt(condition, 'lastTransitionTime') ?? [])
  // An evicted pod may have no container any more.
  const known = ends.length > 0 ? ends : changes
  return known.length === 0 ? instantAt(pod, 'metadata', 'creationTimestamp') : Math.max(...known)
}

function containersOf(pod: JsonObject, here: (instant: number | undefined) => number | undefined): readonly GuardedContainer[] {
  const sidecars = new Set(sidecarsOf(objectAt(pod, 'spec')).map(container => textAt(container, 'name')))
  const of = (list: 'initContainerStatuses' | 'containerStatuses'): readonly GuardedContainer[] =>
    listAt(pod, 'status', list)
      .filter(isObject)
      .map(status => {
        const name = textAt(status, 'name') ?? ''
        const isInit = list === 'initContainerStatuses' && !sidecars.has(name)
        const reason = textAt(status, 'state', 'waiting', 'reason')
        const message = (textAt(status, 'state', 'waiting', 'message') ?? '').slice(0, LONGEST_MESSAGE)
        const ended = endOf(status, here)
        return {
          name,
          ...(isInit ? { init: true as const } : {}),
          restarts: numberAt(status, 'restartCount') ?? 0,
          ...(reason === undefined ? {} : { waiting: { reason, message } }),
          ...(ended === undefined ? {} : { ended })
        }
      })
  return [...of('initContainerStatuses'), ...of('containerStatuses')]
}

function endOf(status: JsonObject, here: (instant: number | undefined) => number | undefined): GuardedContainer['ended'] {
  const ended = [objectAt(status, 'state', 'terminated'), objectAt(status, 'lastState', 'terminated')].find(
    state => Object.keys(state).length > 0
  )
  if (ended === undefined) return undefined
  const at = here(instantAt(ended, 'finishedAt'))
  const exitCode = numberAt(ended, 'exitCode')
  return {
    ...(at === undefined ? {} : { at }),
    reason: textAt(ended, 'reason') ?? 'ended',
    ...(exitCode === undefined ? {} : { exitCode })
  }
}

/** The containers that run while the pod serves. */
function running(spec: JsonObject): readonly JsonObject[] {
  return [...listAt(spec, 'containers').filter(isObject), ...sidecarsOf(spec)]
}

/** An init container that is restarted always runs beside the others. */
function sidecarsOf(spec: JsonObject): readonly JsonObject[] {
  return listAt(spec, 'initContainers')
    .filter(isObject)
    .filter(container => container['restartPolicy'] === 'Always')
}

function toPort(declared: unknown): readonly DeclaredPort[] {
  const port = numberAt(declared, 'containerPort')
  const name = textAt(declared, 'name')
  if (port === undefined || (textAt(declared, 'protocol') ?? 'TCP') !== 'TCP') return []
  return [{ ...(name === undefined ? {} : { name }), port }]
}

/** A probe by TCP or by a program in the container makes no request that is counted. */
function toProbe(container: JsonObject, name: 'readinessProbe' | 'livenessProbe'): readonly DeclaredProbe[] {
  const probe = objectAt(container, name)
  const periodSeconds = numberAt(probe, 'periodSeconds') ?? 10
  const { httpGet, grpc } = probe
  if (isObject(httpGet)) {
    // Services label the route, and not what is asked of it.
    const path = (textAt(httpGet, 'path') ?? '/').split('?')[0] ?? '/'
    return textAt(httpGet, 'host') === undefined ? [{ path, periodSeconds }] : []
  }
  return isObject(grpc) ? [{ periodSeconds }] : []
}
