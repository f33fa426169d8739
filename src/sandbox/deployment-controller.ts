import { canonicalJson, isObject, type JsonObject, listAt, numberAt, objectAt, textAt, textMap } from '../base/json.ts'
import type { ControllerParts } from './controller-parts.ts'
import { updateStatus } from './deployment-status.ts'
import { availableOf, isAvailable, isReady, nameOf, namespaceOf, replicasOf, safeName, seconds } from './object-fields.ts'
import { generationOf } from './store.ts'

const REVISION = 'deployment.kubernetes.io/revision'
const HISTORY = 'deployment.kubernetes.io/revision-history'
const HASH = 'pod-template-hash'
/** Annotations of a Deployment that its ReplicaSets do not get (facts B.1). */
const NOT_COPIED = new Set([
  REVISION,
  HISTORY,
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas'
])
/** Put on a pod template: pods then never become ready, with this waiting reason. */
export const BROKEN_ANNOTATION = 'sandbox.astern.dev/broken'
/** From a pod's creation to Ready: a second, as on a quiet cluster with the image at hand. */
const READY_AFTER_MS = 800

/** Brings every Deployment one step nearer to its spec, the way the real controller does it (facts B.1, B.3). */
export function reconcileAll(parts: ControllerParts): void {
  for (const deployment of parts.store.list('deployments')) reconcile(parts, deployment)
  collectGarbage(parts)
}

function reconcile(parts: ControllerParts, deployment: JsonObject): void {
  const paused = objectAt(deployment, 'spec')['paused'] === true
  const sets = ownedSets(parts, deployment)
  const current = currentSet(deployment, sets) ?? (paused ? undefined : createSet(parts, deployment, sets))
  if (current === undefined) {
    updateStatus(parts, deployment, undefined, sets)
    return
  }
  const renumbered = paused ? current : renumber(parts, deployment, current, sets)
  const others = ownedSets(parts, deployment).filter(set => textAt(set, 'metadata', 'uid') !== textAt(renumbered, 'metadata', 'uid'))
  if (!paused) roll(parts, deployment, renumbered, others)
  for (const set of ownedSets(parts, deployment)) runPods(parts, deployment, set)
  prune(parts, deployment, others)
  updateStatus(
    parts,
    parts.store.get('deployments', namespaceOf(deployment), nameOf(deployment)) ?? deployment,
    parts.store.get('replicasets', namespaceOf(deployment), nameOf(renumbered)),
    ownedSets(parts, deployment)
  )
}

/** Scales the new set up and the old ones down, one surplus pod at a time; `Recreate` empties the old ones first. */
function roll(parts: ControllerParts, deployment: JsonObject, current: JsonObject, others: readonly JsonObject[]): void {
  const wanted = replicasOf(deployment)
  const oldPods = others.reduce((sum, set) => sum + replicasOf(set), 0)
  const available = availableOf(current)
  if (textAt(deployment, 'spec', 'strategy', 'type') === 'Recreate') {
    for (const set of others) scale(parts, set, 0)
    if (oldPods === 0 && others.every(set => podsOf(parts, set).length === 0)) scale(parts, current, wanted)
    return
  }
  scale(parts, current, Math.min(wanted, Math.max(replicasOf(current), wanted + 1 - oldPods)))
  let keep = Math.max(0, wanted - available)
  for (const set of [...others].sort((a, b) => revisionOf(b) - revisionOf(a))) {
    const left = Math.min(replicasOf(set), keep)
    scale(parts, set, left)
    keep -= left
  }
  if (replicasOf(current) > wanted) scale(parts, current, wanted)
}

function createSet(parts: ControllerParts, deployment: JsonObject, sets: readonly JsonObject[]): JsonObject {
  const template = objectAt(deployment, 'spec', 'template')
  const hash = safeName(canonicalJson(template), 10)
  const labels = { ...textMap(objectAt(template, 'metadata')['labels']), [HASH]: hash }
  return parts.store.put('replicasets', {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${nameOf(deployment)}-${hash}`,
      namespace: namespaceOf(deployment),
      uid: parts.uid(),
      generation: 1,
      creationTimestamp: seconds(parts.now()),
      labels,
      annotations: { ...copied(deployment), [REVISION]: String(highest(sets) + 1) },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          name: nameOf(deployment),
          uid: textAt(deployment, 'metadata', 'uid'),
          controller: true,
          blockOwnerDeletion: true
        }
      ]
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { ...objectAt(template, 'metadata'), labels } }
    },
    status: { replicas: 0 }
  })
}

/** A set that is taken up again gets the highest number, and remembers the one it had. */
function renumber(parts: ControllerParts, deployment: JsonObject, set: JsonObject, sets: readonly JsonObject[]): JsonObject {
  const number = revisionOf(set)
  const top = highest(sets.filter(other => nameOf(other) !== nameOf(set)))
  const annotations = { ...textMap(objectAt(set, 'metadata')['annotations']), ...copied(deployment) }
  if (number <= top) {
    const before = annotations[HISTORY]
    annotations[HISTORY] = before === undefined ? String(number) : `${before},${number}`
    annotations[REVISION] = String(top + 1)
  }
  const stored = parts.store.put('replicasets', { ...set, metadata: { ...objectAt(set, 'metadata'), annotations } })
  const owner = parts.store.get('deployments', namespaceOf(deployment), nameOf(deployment)) ?? deployment
  const revision = textMap(objectAt(stored, 'metadata')['annotations'])[REVISION] ?? ''
  parts.store.put('deployments', {
    ...owner,
    metadata: {
      ...objectAt(owner, 'metadata'),
      annotations: { ...textMap(objectAt(owner, 'metadata')['annotations']), [REVISION]: revision }
    }
  })
  return stored
}

function runPods(parts: ControllerParts, deployment: JsonObject, set: JsonObject): void {
  const pods = podsOf(parts, set)
  const wanted = replicasOf(set)
  for (let missing = wanted - pods.length; missing > 0; missing -= 1) createPod(parts, set)
  // Pods that are not ready go first, as the real controller chooses.
  const surplus = [...pods].sort((a, b) => Number(isReady(a)) - Number(isReady(b))).slice(0, Math.max(0, pods.length - wanted))
  for (const pod of surplus) parts.store.delete('pods', namespaceOf(pod), nameOf(pod))
  for (const pod of podsOf(parts, set)) startPod(parts, pod)
  const left = podsOf(parts, set)
  const ready = left.filter(isReady).length
  const available = left.filter(pod => isAvailable(pod, deployment, parts.now())).length
  const latest = parts.store.get('replicasets', namespaceOf(set), nameOf(set)) ?? set
  parts.store.put('replicasets', {
    ...latest,
    status: { replicas: left.length, readyReplicas: ready, availableReplicas: available, observedGeneration: generationOf(latest) }
  })
}

function createPod(parts: ControllerParts, set: JsonObject): void {
  const template = objectAt(set, 'spec', 'template')
  const uid = parts.uid()
  parts.store.put('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...objectAt(template, 'metadata'),
      name: `${nameOf(set)}-${safeName(uid, 5)}`,
      namespace: namespaceOf(set),
      uid,
      creationTimestamp: seconds(parts.now()),
      annotations: { ...textMap(objectAt(template, 'metadata')['annotations']), 'sandbox.astern.dev/created': String(parts.now()) },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: nameOf(set),
          uid: textAt(set, 'metadata', 'uid'),
          controller: true,
          blockOwnerDeletion: true
        }
      ]
    },
    spec: objectAt(template, 'spec'),
    status: { phase: 'Pending', podIP: parts.podIp(), conditions: [], containerStatuses: [] }
  })
}

function startPod(parts: ControllerParts, pod: JsonObject): void {
  const annotations = textMap(objectAt(pod, 'metadata')['annotations'])
  const age = parts.now() - Number(annotations['sandbox.astern.dev/created'] ?? parts.now())
  if (isReady(pod) || age < READY_AFTER_MS) return
  const broken = annotations[BROKEN_ANNOTATION]
  const containers = listAt(pod, 'spec', 'containers').filter(isObject)
  const ready = broken === undefined
  const at = seconds(parts.now())
  parts.store.put('pods', {
    ...pod,
    status: {
      ...objectAt(pod, 'status'),
      phase: ready ? 'Running' : 'Pending',
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: ready ? at : textAt(pod, 'metadata', 'creationTimestamp') }
      ],
      containerStatuses: containers.map(container => ({
        name: container['name'],
        image: container['image'],
        ready,
        restartCount: 0,
        state: ready ? { running: { startedAt: textAt(pod, 'metadata', 'creationTimestamp') } } : { waiting: { reason: broken } }
      }))
    }
  })
}

function prune(parts: ControllerParts, deployment: JsonObject, others: readonly JsonObject[]): void {
  const limit = numberAt(deployment, 'spec', 'revisionHistoryLimit') ?? 10
  const empty = others.filter(set => replicasOf(set) === 0 && podsOf(parts, set).length === 0).sort((a, b) => revisionOf(a) - revisionOf(b))
  for (const set of empty.slice(0, Math.max(0, empty.length - limit))) parts.store.delete('replicasets', namespaceOf(set), nameOf(set))
}

function collectGarbage(parts: ControllerParts): void {
  const { store } = parts
  const uids = new Set([...store.list('deployments'), ...store.list('replicasets')].map(object => textAt(object, 'metadata', 'uid')))
  for (const resource of ['replicasets', 'pods'] as const) {
    for (const object of store.list(resource)) {
      const owner = textAt(listAt(object, 'metadata', 'ownerReferences')[0], 'uid')
      if (owner !== undefined && !uids.has(owner)) store.delete(resource, namespaceOf(object), nameOf(object))
    }
  }
}

function ownedSets(parts: ControllerParts, deployment: JsonObject): JsonObject[] {
  const uid = textAt(deployment, 'metadata', 'uid')
  return parts.store
    .list('replicasets', namespaceOf(deployment))
    .filter(set => textAt(listAt(set, 'metadata', 'ownerReferences')[0], 'uid') === uid)
}

function podsOf(parts: ControllerParts, set: JsonObject): JsonObject[] {
  const uid = textAt(set, 'metadata', 'uid')
  return parts.store.list('pods', namespaceOf(set)).filter(pod => textAt(listAt(pod, 'metadata', 'ownerReferences')[0], 'uid') === uid)
}

/** The set whose template is the Deployment's, the pod-template-hash aside. */
function currentSet(deployment: JsonObject, sets: readonly JsonObject[]): JsonObject | undefined {
  const wanted = canonicalJson(objectAt(deployment, 'spec', 'template'))
  return sets.find(set => {
    const template = objectAt(set, 'spec', 'template')
    const { [HASH]: _, ...labels } = textMap(objectAt(template, 'metadata')['labels'])
    return canonicalJson({ ...template, metadata: { ...objectAt(template, 'metadata'), labels } }) === wanted
  })
}

function scale(parts: ControllerParts, set: JsonObject, replicas: number): void {
  const latest = parts.store.get('replicasets', namespaceOf(set), nameOf(set)) ?? set
  if (replicasOf(latest) !== replicas)
    parts.store.put('replicasets', {
      ...latest,
      metadata: { ...objectAt(latest, 'metadata'), generation: generationOf(latest) + 1 },
      spec: { ...objectAt(latest, 'spec'), replicas }
    })
}

function copied(deployment: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(textMap(objectAt(deployment, 'metadata')['annotations'])).filter(([key]) => !NOT_COPIED.has(key))
  )
}

function highest(sets: readonly JsonObject[]): number {
  return Math.max(0, ...sets.map(revisionOf))
}

function revisionOf(set: JsonObject): number {
  return Number(textMap(objectAt(set, 'metadata')['annotations'])[REVISION] ?? 0)
}
