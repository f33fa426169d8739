import { instantAt, type JsonObject, listAt, numberAt, objectAt, textAt } from '../base/json.ts'
import type { UnreadyContainer } from '../domain/pod.ts'

/**
 * The waiting reasons after which the kubelet tries again: it cannot get the image, cannot make or start the container, a hook of it
 * failed, or it ends again and again. (kubelet `images/types.go`, `container/sync_result.go`, `kuberuntime/kuberuntime_container.go`.)
 */
const BACK_OFF: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'ImageInspectError',
  'InvalidImageName',
  'RegistryUnavailable',
  'SignatureValidationFailed',
  'CreateContainerConfigError',
  'CreateContainerError',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
  'RunContainerError',
  'StartError'
])

/** An image's name, a mount or a hook's error fits in so many characters. The rest is what a program printed. */
const TOLD = 200

function statusesOf(pod: JsonObject): readonly unknown[] {
  return [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')]
}

/** The waiting reason of the first container in back-off; undefined where none is. */
export function brokenContainer(pod: JsonObject): string | undefined {
  return statusesOf(pod)
    .flatMap(status => textAt(status, 'state', 'waiting', 'reason') ?? [])
    .find(reason => BACK_OFF.has(reason))
}

/** The containers that are not ready. An init container is ready once it ended well. */
export function unreadyContainers(pod: JsonObject): readonly UnreadyContainer[] {
  const statuses = statusesOf(pod)
  return statuses
    .filter(status => objectAt(status)['ready'] !== true)
    .map(status => {
      const name = textAt(status, 'name') ?? ''
      const reason = textAt(status, 'state', 'waiting', 'reason') ?? ''
      if (!BACK_OFF.has(reason)) return { name }
      const which = statuses.length > 1 ? `${name}: ` : ''
      const why = whyOf(status, reason)
      return { name, backOff: `${which}${reason}${why === '' ? '' : ` (${why})`}` }
    })
}

/** Why the containers of a pod that has a node wait, where none of them is in back-off: the node prepares the pod. */
export function preparing(pod: JsonObject): string | undefined {
  if (textAt(pod, 'spec', 'nodeName') === undefined || brokenContainer(pod) !== undefined) return undefined
  return statusesOf(pod).flatMap(status => textAt(status, 'state', 'waiting', 'reason') ?? [])[0]
}

/** Since when all of the pod's own containers run; undefined while one does not. */
export function runningSince(pod: JsonObject): number | undefined {
  const starts = listAt(pod, 'status', 'containerStatuses').map(status => instantAt(status, 'state', 'running', 'startedAt'))
  const known = starts.filter(start => start !== undefined)
  return known.length === 0 || known.length < starts.length ? undefined : Math.max(...known)
}

function whyOf(status: unknown, reason: string): string {
  if (reason !== 'CrashLoopBackOff') return shortened(textAt(status, 'state', 'waiting', 'message') ?? '')
  // The kubelet's sentence only says for how long it waits.
  const ended = objectAt(status, 'lastState', 'terminated')
  const code = numberAt(ended, 'exitCode')
  return code === undefined ? '' : `${textAt(ended, 'reason') ?? 'ended'}, exit code ${code}`
}

/** Cuts a text between two words. Half a credential would be recognised by nobody who removes it later. */
function shortened(text: string): string {
  return text.length <= TOLD ? text : `${text.slice(0, TOLD + 1).replace(/\S*$/, '')}…`
}
