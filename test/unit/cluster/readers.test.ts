import t from 'tap'
import { HOUR, MINUTE } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { parseTrackingId } from '../../../src/cluster/argo-owner.ts'
import { toArgoRollout, watchedIdentity } from '../../../src/cluster/argo-rollout.ts'
import { toRevisioned } from '../../../src/cluster/controller-revisions.ts'
import type { OwnerReading } from '../../../src/cluster/owner-reading.ts'
import { readOwners } from '../../../src/cluster/owners.ts'
import { patienceOf } from '../../../src/cluster/patience.ts'
import { brokenAmong, toPod } from '../../../src/cluster/pods.ts'
import { withRefusedPods } from '../../../src/cluster/refused-pods.ts'
import { createReleaseReader, releaseNamed } from '../../../src/cluster/release.ts'
import type { ReleaseContents } from '../../../src/cluster/release-contents.ts'
import { lookAt } from '../../../src/domain/look-at.ts'
import type { LookScope } from '../../../src/domain/namespaces.ts'
import type { ObjectRef } from '../../../src/domain/objects.ts'
import type { PodSummary } from '../../../src/domain/pod.ts'
import { templateIdentity, type Workload } from '../../../src/domain/workload.ts'
import { StoryKube } from '../../support/story-kube.ts'
import { badRollout, NOON, templateOf } from '../../support/workloads.ts'

const DB: ObjectRef = { kind: 'StatefulSet', namespace: 'shop', name: 'db' }
const never = AbortSignal.timeout(60_000)
const at = (ms: number): string => new Date(ms).toISOString()

function revision(number: number, image: string, createdAt: number): JsonObject {
  return {
    metadata: {
      name: `db-${number}`,
      creationTimestamp: at(createdAt),
      labels: { 'controller.kubernetes.io/hash': `hash-${number}` },
      ownerReferences: [{ uid: 'uid-db', controller: true }]
    },
    revision: number,
    data: { spec: { template: { ...templateOf(image), $patch: 'replace' } } }
  }
}

function set(image: string, more: JsonObject = {}, status: JsonObject = {}): JsonObject {
  return {
    metadata: { uid: 'uid-db', generation: 3 },
    spec: { replicas: 3, template: templateOf(image), updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, ...more },
    status: { observedGeneration: 3, replicas: 3, updatedReplicas: 3, availableReplicas: 3, ...status }
  }
}

function pod(name: string, hash: string, ready: boolean, waiting?: string): JsonObject {
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: at(NOON - HOUR),
      labels: { 'controller-revision-hash': hash },
      ownerReferences: [{ uid: 'uid-db', controller: true }]
    },
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: at(NOON - MINUTE) }],
      ...(waiting === undefined ? {} : { containerStatuses: [{ state: { waiting: { reason: waiting } } }] })
    }
  }
}

t.test('ControllerRevisions: `$patch` is no part of the template, and one that was taken up again tells no time', async t => {
  const read = (...revisions: JsonObject[]): Workload => toRevisioned(DB, set('app:v2'), revisions, [])
  const plain = read(revision(1, 'app:v1', NOON - 3 * HOUR), revision(2, 'app:v2', NOON - HOUR))
  t.equal(plain.identity, templateIdentity(templateOf('app:v2')))
  t.same(
    plain.revisions.map(({ number, reused, madeAs }) => [number, reused, madeAs]),
    [
      [2, false, 2],
      [1, false, 1]
    ]
  )
  const told = (workload: Workload): unknown => workload.revisions.map(({ number, reused }) => [number, reused])
  t.same(
    told(read(revision(3, 'app:v1', NOON - 3 * HOUR), revision(2, 'app:v2', NOON - HOUR))),
    [
      [3, true],
      [2, true]
    ],
    '1 became 3: of 2 the number before is not there either'
  )
  t.same(told(read(revision(7, 'app:v1', NOON - 3 * HOUR), revision(8, 'app:v2', NOON - HOUR))), [
    [8, false],
    [7, true]
  ])
  t.same(
    told(read(revision(1, 'app:v1', NOON), revision(2, 'app:v2', NOON))),
    [
      [2, true],
      [1, false]
    ],
    'within one second nothing tells which came first'
  )
})

t.test('StatefulSets: complete, moving, stalled, partitioned, OnDelete', async t => {
  const revisions = [revision(1, 'app:v1', NOON - 3 * HOUR), revision(2, 'app:v2', NOON - HOUR)]
  const read = (object: JsonObject, ...pods: JsonObject[]): Workload => toRevisioned(DB, object, revisions, pods)
  const done = read(set('app:v2'), pod('db-0', 'db-2', true), pod('db-1', 'db-2', true), pod('db-2', 'db-2', true))
  t.match(done.rollout, { state: 'complete', available: true, completedAt: NOON - MINUTE })
  t.ok(done.pods.every(one => one.current))
  t.match(read(set('app:v2', {}, { observedGeneration: 2 })).rollout, { state: 'moving', seen: false })
  t.match(read(set('app:v2', {}, { updatedReplicas: 1, availableReplicas: 3 })).rollout, {
    state: 'moving',
    detail: '1 of 3 pods are updated, 3 available'
  })
  const broken = pod('db-2', 'db-2', false, 'CrashLoopBackOff')
  const crashing = read(set('app:v2', {}, { updatedReplicas: 1, availableReplicas: 2 }), broken)
  t.match(crashing.rollout, { state: 'moving', brokenPods: ['db-2: CrashLoopBackOff'] }, 'one look proves nothing')
  const first = lookAt(crashing, undefined, { at: NOON, offset: 0 })
  t.match(lookAt(crashing, first.looks, { at: NOON + 30_000, offset: 0 }).workload.rollout, {
    state: 'stalled',
    brokenPods: ['db-2: CrashLoopBackOff']
  })
  const last = set('app:v2', {}, { updatedReplicas: 3, availableReplicas: 2, currentRevision: 'db-1', updateRevision: 'db-2' })
  t.match(read(last, pod('db-0', 'db-2', false)).rollout, { state: 'moving' }, 'the last pod is made, and not ready')
  const partitioned = set('app:v2', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }, { updatedReplicas: 1 })
  t.match(read(partitioned), { partition: 2, rollout: { state: 'complete', detail: /partition: 2 keep their revision/ } })
  t.equal(read(set('app:v2', { updateStrategy: { type: 'OnDelete' } })).strategy, 'OnDelete')
  t.equal(read(set('app:v2', { podManagementPolicy: 'Parallel' })).inOrder, false)
})

t.test('pods: what holds them up, who counts them, and how long their probes take', async t => {
  const seen = (more: JsonObject, status: JsonObject = {}): PodSummary =>
    toPod({ metadata: { name: 'api-1', ...(more['metadata'] as object) }, spec: more['spec'] ?? {}, status }, { current: true })
  const waiting = (reason: string, message?: string, more: JsonObject = {}): JsonObject => ({
    containerStatuses: [{ name: 'main', ready: false, state: { waiting: { reason, message } }, ...more }]
  })
  const broken = (status: JsonObject): readonly string[] => brokenAmong([seen({}, status)])
  t.same(broken(waiting('ContainerCreating')), [], 'that is no back-off')
  t.same(broken(waiting('CreateContainerConfigError', 'configmap "app-7f" not found')), [
    'api-1: CreateContainerConfigError (configmap "app-7f" not found)'
  ])
  const hook = waiting('PostStartHookError', `Exec lifecycle hook failed: ${'x'.repeat(999)}`)
  t.same(broken(hook), ['api-1: PostStartHookError (Exec lifecycle hook failed: …)'], 'cut between two words: never half a credential')
  t.match(broken(waiting('ErrImagePull', 'no such tag '.repeat(30)))[0], /^api-1: ErrImagePull \((no such tag )+no such …\)$/)
  const crashed = { lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } }
  t.same(broken(waiting('CrashLoopBackOff', 'back-off 5m0s restarting', crashed)), ['api-1: CrashLoopBackOff (OOMKilled, exit code 137)'])
  const init = { initContainerStatuses: [{ name: 'migrate', ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }] }
  t.same(broken({ ...waiting('PodInitializing'), ...init }), ['api-1: migrate: CrashLoopBackOff'], 'of several the container is named')
  t.same(brokenAmong([{ ...seen({}, waiting('ErrImagePull')), ended: true }]), [], 'one that ended is not counted')

  const runs = { name: 'main', ready: false, state: { running: { startedAt: at(NOON) } } }
  t.equal(seen({}, { containerStatuses: [runs] }).runningSince, NOON)
  t.equal(seen({}, { containerStatuses: [runs, { name: 'b', state: {} }] }).runningSince, undefined)
  t.match(seen({}, { phase: 'Failed' }), { ended: true })
  t.match(seen({ metadata: { deletionTimestamp: at(NOON), finalizers: ['a/b'] } }), {
    terminating: true,
    goneBy: NOON,
    finalizers: ['a/b']
  })
  const scheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' }
  t.match(seen({}, { conditions: [scheduled] }), { unschedulable: '0/3 nodes are available' })
  t.match(seen({}, { conditions: [{ ...scheduled, reason: 'SchedulingGated', message: 'Scheduling is blocked' }] }), {
    unschedulable: 'Scheduling is blocked'
  })
  t.equal(seen({}, { conditions: [{ ...scheduled, status: 'True' }] }).unschedulable, undefined)
  t.match(seen({ spec: { nodeName: 'node-1' } }, waiting('ContainerCreating')), { starting: 'ContainerCreating', node: 'node-1' })

  const probed = (container: JsonObject, spec: JsonObject = {}): unknown => patienceOf({ containers: [container], ...spec })
  t.equal(probed({}), 30_000, 'one look proves nothing')
  t.equal(probed({ readinessProbe: { periodSeconds: 20, failureThreshold: 5, timeoutSeconds: 4, initialDelaySeconds: 10 } }), 114_000)
  t.equal(probed({ readinessProbe: {}, startupProbe: { httpGet: {}, failureThreshold: 30 } }), 301_000)
  t.equal(probed({}, { readinessGates: [{ conditionType: 'lb' }] }), 600_000)
})

t.test('pods of a StatefulSet that are refused: only an Event says so', async t => {
  const kube = new StoryKube()
  const workload = toRevisioned(DB, set('app:v2', {}, { updatedReplicas: 0 }), [revision(2, 'app:v2', NOON)], [pod('db-0', 'db-2', true)])
  const events = '/api/v1/namespaces/shop/events?fieldSelector=involvedObject.uid%3Duid-db%2Creason%3DFailedCreate'
  const told = async (of: Workload): Promise<unknown> => (await withRefusedPods({ kube, now: () => NOON }, of, never)).rollout.cannotCreate
  t.equal(await told(workload), undefined, 'no right to list them, or none')
  const event = (message: string, lastTimestamp: number): JsonObject => ({ message, lastTimestamp: at(lastTimestamp) })
  kube.objects.set(events, { items: [event('exceeded quota: old', NOON - MINUTE), event('exceeded quota: small', NOON - 5_000)] })
  t.equal(await told(workload), 'exceeded quota: small')
  t.equal(await told({ ...workload, replicas: 1 }), undefined, 'none is missing')
  t.equal(
    await told({ ...workload, templateManagedAt: NOON - 3_000 }),
    undefined,
    'the template was written since, and nothing was said since'
  )
  t.equal(await told({ ...workload, templateManagedAt: NOON - 5_000 }), 'exceeded quota: small')
  kube.objects.set(events, { items: [event('exceeded quota: small', NOON - HOUR)] })
  t.equal(await told(workload), undefined, 'an old one is over')
})

t.test('DaemonSets: pods are told by the hash', async t => {
  const ref: ObjectRef = { kind: 'DaemonSet', namespace: 'shop', name: 'db' }
  const status = { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1, observedGeneration: 3 }
  const read = toRevisioned(
    ref,
    { ...set('app:v2'), status },
    [revision(2, 'app:v2', NOON)],
    [pod('x', 'hash-2', true), pod('y', 'hash-1', true)]
  )
  t.same(
    read.pods.map(one => one.current),
    [true, false]
  )
  t.match(read, { replicas: 2, rollout: { state: 'complete', available: false } })
  // As the real controller labels the revisions of a DaemonSet.
  const labelled = {
    ...revision(2, 'app:v2', NOON),
    metadata: { ...(revision(2, 'app:v2', NOON)['metadata'] as object), labels: { 'controller-revision-hash': 'f00' } }
  }
  t.ok(toRevisioned(ref, { ...set('app:v2'), status }, [labelled], [pod('x', 'f00', true)]).pods[0]?.current)
})

t.test('Argo Rollouts: generations are strings, and a version is the ReplicaSet that has all its template says', async t => {
  const ref: ObjectRef = { kind: 'Rollout', namespace: 'shop', name: 'api' }
  const replicaSet = (hash: string, template: JsonObject, number: number): JsonObject => ({
    metadata: {
      name: `api-${hash}`,
      uid: hash,
      creationTimestamp: at(NOON - HOUR),
      labels: { 'rollouts-pod-template-hash': hash },
      annotations: { 'rollout.argoproj.io/revision': String(number) },
      ownerReferences: [{ uid: 'uid-api', controller: true }]
    },
    // As the API server fills it in.
    spec: { template: { ...template, spec: { ...(template['spec'] as object), restartPolicy: 'Always' } } }
  })
  const rollout = (status: JsonObject, spec: JsonObject = {}): JsonObject => ({
    metadata: { uid: 'uid-api', generation: 4 },
    spec: { replicas: 2, template: templateOf('app:v2'), ...spec },
    status: {
      observedGeneration: '4',
      phase: 'Healthy',
      stableRS: 'h2',
      currentPodHash: 'h2',
      availableReplicas: 2,
      updatedReplicas: 2,
      ...status
    }
  })
  const sets = [replicaSet('h1', templateOf('app:v1'), 1), replicaSet('h2', templateOf('app:v2'), 2)]
  const read = (object: JsonObject): Workload => toArgoRollout(ref, object, undefined, { replicaSets: sets, pods: [] })
  t.match(read(rollout({})), { identity: 'h2', rollout: { state: 'complete', available: true }, canary: { stable: 'h2', aborted: false } })
  t.match(read(rollout({ observedGeneration: '3' })).rollout, { state: 'moving', seen: false })
  t.match(read(rollout({ phase: 'Paused', stableRS: 'h1', currentStepIndex: 1 })).rollout, { state: 'moving', detail: /Paused: step 1/ })
  t.match(read(rollout({ phase: 'Degraded', stableRS: 'h1', abort: true, message: 'RolloutAborted' })), {
    rollout: { state: 'stalled' },
    canary: { aborted: true }
  })
  t.equal(watchedIdentity(rollout({})), 'h2')
  t.equal(watchedIdentity(rollout({ observedGeneration: '3' })), undefined, 'whose hash that is cannot be told yet')
})

t.test('Argo CD’s tracking id: of this very object, or it says nothing', async t => {
  const workload = badRollout()
  t.same(parseTrackingId('shop:apps/Deployment:shop/api', workload), { name: 'shop' })
  t.same(parseTrackingId('team-a_shop:apps/Deployment:shop/api', workload), { namespace: 'team-a', name: 'shop' })
  for (const id of [
    'shop',
    'shop:apps/Deployment:shop/web',
    'shop:apps/ReplicaSet:shop/api',
    'shop:/Deployment:shop/api',
    ':apps/Deployment:shop/api',
    'shop:apps/Deployment:shop/api:x'
  ])
    t.equal(parseTrackingId(id, workload), undefined, id)
})

/** Flux says so: it has the target. */
const inventory = { inventory: { entries: [{ id: 'shop_api_apps_Deployment', v: 'v1' }] } }

function reading(kube: Pick<StoryKube, 'get'>, workload: Workload, argocd?: string, contents: ReleaseContents = unread): OwnerReading {
  const scope: LookScope = { allowed: () => ['shop'], flux: ['flux-system'], releasesUnread: () => undefined }
  return { kube, workload, scope: argocd === undefined ? scope : { ...scope, argocd }, contents, signal: never }
}
const unread: ReleaseContents = async () => ({ kind: 'unread', detail: 'not read' })

t.test('owners: who enforces, who does not, and what cannot be asked', async t => {
  const kube = new StoryKube()
  const app = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop'
  const tracked = { ...badRollout(), annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/api' } }
  const enforces = async (workload: Workload, argocd?: string): Promise<unknown> =>
    (await readOwners(reading(kube, workload, argocd))).map(owner => `${owner.kind} ${owner.hint === true ? 'hint' : owner.enforces}`)
  const application = (spec: JsonObject, more: JsonObject = {}) =>
    kube.objects.set(app, {
      metadata: { uid: 'u' },
      spec,
      status: { resources: [{ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }] },
      ...more
    })
  t.same(await enforces(tracked, 'argocd'), ['Application hint'], 'there is none')
  t.same(await enforces(tracked), ['Application unknown'], 'nobody said that Astern may look there')
  application({ syncPolicy: { automated: { selfHeal: true } } })
  t.same(await enforces(tracked, 'argocd'), ['Application yes'])
  application({ syncPolicy: { automated: {} } })
  t.same(await enforces(tracked, 'argocd'), ['Application yes'], 'the next commit brings it back')
  application({ syncPolicy: { automated: { enabled: false } } })
  t.same(await enforces(tracked, 'argocd'), ['Application no'])
  application({})
  t.same(await enforces(tracked, 'argocd'), ['Application no'])
  application({ syncPolicy: { automated: {} } }, { metadata: { uid: 'u', annotations: { 'argocd.argoproj.io/skip-reconcile': 'true' } } })
  t.same(await enforces(tracked, 'argocd'), ['Application no'])
  application({ syncPolicy: { automated: {} } })
  const labelled = { ...badRollout(), labels: { 'app.kubernetes.io/instance': 'shop' } }
  t.same(await enforces(labelled), [], 'a label alone is no proof')
  t.same(await enforces(labelled, 'argocd'), ['Application yes'], 'the Application lists it')
  t.same(await enforces({ ...labelled, labels: { 'app.kubernetes.io/instance': 'other' } }, 'argocd'), [])

  const flux = {
    ...badRollout(),
    labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' }
  }
  const path = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/shop'
  t.same(await enforces(flux), ['Kustomization hint'], 'there is none')
  kube.objects.set(path, { spec: { interval: '5m' }, status: inventory })
  t.same(await enforces(flux), ['Kustomization yes'])
  t.same(await enforces({ ...flux, annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } }), ['Kustomization no'])
  kube.objects.set(path, { spec: { suspend: true }, status: { ...inventory, conditions: [{ type: 'Reconciling', status: 'True' }] } })
  t.same(await enforces(flux), ['Kustomization yes'], 'what began before still ends')
  kube.objects.set(path, { spec: { suspend: true }, status: inventory })
  t.same(await enforces(flux), ['Kustomization no'])

  const release = { ...badRollout(), labels: { 'helm.toolkit.fluxcd.io/name': 'api', 'helm.toolkit.fluxcd.io/namespace': 'shop' } }
  const releasePath = '/apis/helm.toolkit.fluxcd.io/v2/namespaces/shop/helmreleases/api'
  kube.objects.set(releasePath, { spec: { interval: '5m' }, status: inventory })
  t.same(await enforces(release), ['HelmRelease yes'])
  kube.objects.set(releasePath, { spec: { suspend: true }, status: inventory })
  t.same(await enforces(release), ['HelmRelease no'])

  t.same(await enforces({ ...badRollout(), controller: { apiVersion: 'db.example/v1', kind: 'Database', name: 'x' } }), ['controller yes'])
  t.same(
    await enforces({ ...badRollout(), templateWriters: [{ manager: 'kustomize-controller', index: 0 }] }),
    ['field-manager unknown'],
    'labels can be stripped'
  )
  t.same(await enforces({ ...badRollout(), templateWriters: [{ manager: 'helm', index: 0 }] }), [])
})

t.test('releases: by number, and not asked again at once where it is forbidden', async t => {
  const marks = {
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'api', 'meta.helm.sh/release-namespace': 'shop' }
  }
  t.same(releaseNamed(marks), { name: 'api', namespace: 'shop' })
  t.equal(releaseNamed({ ...marks, labels: {} }), undefined)
  const secret = (version: string, status: string): JsonObject => ({
    metadata: { creationTimestamp: at(NOON), labels: { version, status, modifiedAt: '1795262400' } }
  })
  let asked = 0
  let answer: Awaited<ReturnType<StoryKube['get']>> = {
    kind: 'ok',
    status: 200,
    object: { items: [secret('9', 'superseded'), secret('10', 'deployed'), secret('x', '?')] }
  }
  let now = NOON
  const read = createReleaseReader(
    {
      metadata: async () => {
        asked += 1
        return answer
      }
    },
    () => now
  )
  t.match(await read({ name: 'api', namespace: 'shop' }, never), {
    latest: { revision: 10, status: 'deployed', changedAt: NOON, finishedAt: 1_795_262_400_000 }
  })
  answer = {
    kind: 'ok',
    status: 200,
    object: { items: [secret('11', 'deployed'), secret('10', 'failed'), secret('9', 'superseded'), secret('8', 'pending-upgrade')] }
  }
  t.same(
    (await read({ name: 'api', namespace: 'shop' }, never)).latest?.earlier,
    [{ revision: 9, from: NOON, to: NOON }],
    'those that were in force once'
  )
  answer = { kind: 'error', status: 403, detail: 'secrets is forbidden' }
  t.match(await read({ name: 'api', namespace: 'shop' }, never), { unseen: 'secrets is forbidden' })
  t.match(await read({ name: 'api', namespace: 'shop' }, never), { unseen: 'secrets is forbidden' })
  t.equal(asked, 3)
  now += 11 * MINUTE
  await read({ name: 'api', namespace: 'shop' }, never)
  t.equal(asked, 4)
})
