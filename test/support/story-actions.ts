import type { Helm, HelmRevision } from '../../src/actions/helm-rollback/helm-port.ts'
import type { ActionNeeds } from '../../src/actions/registry.ts'
import { numberAt, objectAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import type { PolicyStep } from '../../src/domain/policy.ts'
import type { ManifestObject } from '../../src/templates/manifest.ts'
import type { StoryCluster } from './story-cluster.ts'
import { badRollout, NOON, podOf, TARGET } from './workloads.ts'

const CONFIRM = { within: 600_000, passes: 3, every: 30_000 }
const MINUTE = 60_000
const HPAS = '/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers'
const KUSTOMIZATION = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/shop/kustomizations/shop'

/** One action in a story of its own: what there is before, and how often it was really done. */
export interface ActionStory {
  readonly name: string
  readonly steps: readonly PolicyStep[]
  readonly changedWithin?: undefined
  readonly needs?: Partial<ActionNeeds>
  readonly set?: (cluster: StoryCluster) => void
  /** Effective writes of the action so far. */
  readonly done: (cluster: StoryCluster) => number
  /** Whether the symptom is gone; default: once it was done. */
  readonly cured?: (cluster: StoryCluster) => boolean
  /** How it must end after a crash right before or after its sending, where nothing tells whether it came. */
  readonly unclear?: true
}

const step = (action: string, options: Readonly<Record<string, unknown>> = {}): PolicyStep => ({ action, with: options, confirm: CONFIRM })

/** A release in memory: what `helm rollback` makes of it. */
export function storyHelm(
  revisions: readonly Partial<HelmRevision>[]
): Helm & { readonly made: number[]; onRollback: (revision: number) => void; objects: (revision: number) => readonly ManifestObject[] } {
  const list: HelmRevision[] = revisions.map((revision, index) => ({
    revision: index + 1,
    updatedAt: NOON - 24 * 60 * MINUTE + index * MINUTE,
    status: index === revisions.length - 1 ? 'deployed' : 'superseded',
    chart: 'api-1',
    appVersion: '',
    description: index === 0 ? 'Install complete' : 'Upgrade complete',
    ...revision
  }))
  const made: number[] = []
  const helm: ReturnType<typeof storyHelm> = {
    made,
    onRollback: () => {},
    objects: revision => [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'api', digest: `api-${revision}`, oneWay: false }],
    major: async () => ({ kind: 'done', value: 4 }),
    history: async () => ({ kind: 'done', value: [...list] }),
    manifestDigest: async (_place, revision) => {
      const found = list.find(entry => entry.revision === revision)
      const origin = /^Rollback to (\d+)$/.exec(found?.description ?? '')?.[1]
      return { kind: 'done', value: `digest-${origin ?? revision}` }
    },
    contents: async (_place, revision) => ({ kind: 'done', value: { objects: helm.objects(revision), hooks: [] } }),
    hooks: async () => ({ kind: 'done', value: [] }),
    rollback: async args => {
      if (args.includes('--dry-run')) return { kind: 'done', value: undefined }
      const to = Number(args.at(-1))
      const last = list.at(-1)
      if (last === undefined) return { kind: 'failed', problem: 'release-not-found', detail: 'none' }
      list[list.length - 1] = { ...last, status: 'superseded' }
      list.push({ ...last, revision: last.revision + 1, status: 'deployed', description: `Rollback to ${to}` })
      made.push(to)
      helm.onRollback(last.revision + 1)
      return { kind: 'done', value: undefined }
    }
  }
  return helm
}

/** Somebody who is called, and answers as a Resilience4j actuator with one open breaker. */
export function storyHttp(): ActionNeeds['http'] & { readonly posts: string[] } {
  let state = 'OPEN'
  const posts: string[] = []
  return {
    posts,
    async send(call) {
      if (call.method === 'GET')
        return { kind: 'response', status: 200, body: JSON.stringify({ circuitBreakers: { payments: { state } } }) }
      posts.push(String(call.url))
      state = 'CLOSED'
      return { kind: 'response', status: 200, body: '{}' }
    }
  }
}

function autoscaler(cluster: StoryCluster): void {
  cluster.kube.putList(HPAS, [
    {
      metadata: { name: 'api', uid: 'uid-hpa' },
      spec: { minReplicas: 3, maxReplicas: 9, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' } }
    }
  ])
  cluster.kube.objects.set('/api/v1/namespaces/shop/resourcequotas', { items: [] })
  cluster.kube.objects.set('/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dapi-1', { items: [] })
  cluster.kube.onChange = (path, object) => {
    const workload = cluster.workloads.get('Deployment/shop/api')
    if (path.startsWith(HPAS) && workload !== undefined)
      cluster.put({ ...workload, replicas: numberAt(object, 'spec', 'minReplicas') ?? 3 })
  }
}

function subresource(cluster: StoryCluster): void {
  const path = `${objectPath(TARGET)}/scale`
  cluster.kube.putList(HPAS, [])
  cluster.kube.objects.set('/api/v1/namespaces/shop/resourcequotas', { items: [] })
  cluster.kube.objects.set('/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dapi-1', { items: [] })
  cluster.kube.objects.set(path, { metadata: { uid: 'uid-api', resourceVersion: '1' }, spec: { replicas: 3 } })
  cluster.kube.objects.set(objectPath(TARGET), { metadata: { uid: 'uid-api' } })
  cluster.kube.onChange = (changed, object) => {
    const workload = cluster.workloads.get('Deployment/shop/api')
    if (changed === path && workload !== undefined) cluster.put({ ...workload, replicas: numberAt(object, 'spec', 'replicas') ?? 3 })
  }
}

function sickPod(cluster: StoryCluster): void {
  const pods = ['a', 'b', 'c', 'd', 'e'].map((name, index) => podOf(`api-${name}`, { ready: index > 0 }))
  cluster.put({ ...badRollout(), pods })
  cluster.kube.onPost = path => {
    const workload = cluster.workloads.get('Deployment/shop/api')
    const name = /pods\/([^/]+)\/eviction/.exec(path)?.[1]
    if (workload === undefined || !workload.pods.some(pod => pod.name === name)) return { kind: 'error', status: 404, detail: 'gone' }
    cluster.put({ ...workload, pods: [...workload.pods.filter(pod => pod.name !== name), podOf('api-new')] })
    return { kind: 'ok', status: 201, object: {} }
  }
}

const ROLLOUT = { kind: 'Rollout', namespace: 'shop', name: 'api' } as const

function canary(cluster: StoryCluster): void {
  const path = `${objectPath(ROLLOUT)}/status`
  const old = (name: string) => podOf(name, { current: false })
  cluster.put({
    ...badRollout(),
    ref: ROLLOUT,
    uid: 'uid-rollout',
    canary: { stable: 'v1', current: 'v2', aborted: false, phase: 'Progressing', message: '' },
    pods: [old('old-1'), old('old-2'), old('old-3')]
  })
  cluster.kube.objects.set(path, { metadata: { uid: 'uid-rollout' }, status: { currentPodHash: 'v2', stableRS: 'v1' } })
  cluster.kube.onChange = () => {
    const workload = cluster.workloads.get('Rollout/shop/api')
    if (workload?.canary !== undefined) cluster.put({ ...workload, canary: { ...workload.canary, aborted: true, phase: 'Degraded' } })
  }
}

/** The target belongs to a Kustomization, which enforces it unless it is suspended. */
export function enforced(cluster: StoryCluster): void {
  cluster.kube.objects.set(KUSTOMIZATION, { kind: 'Kustomization', metadata: { name: 'shop', uid: 'uid-k' }, spec: {} })
  const owner = {
    kind: 'Kustomization',
    name: 'shop/shop',
    enforces: 'yes',
    detail: 'it applies what Git says',
    at: { kind: 'Kustomization', namespace: 'shop', name: 'shop' },
    lists: [{ kind: 'Deployment', group: 'apps', namespace: 'shop', name: 'api' }],
    object: { path: KUSTOMIZATION, uid: 'uid-k', annotated: false }
  } as const
  cluster.owned = [owner]
  cluster.kube.onChange = (_path, object) => {
    cluster.owned = [{ ...owner, enforces: objectAt(object, 'spec')['suspend'] === true ? 'no' : 'yes' }]
  }
}

const writesOf =
  (pattern: RegExp) =>
  (cluster: StoryCluster): number =>
    cluster.kube.writes.filter(write => pattern.test(write)).length

/** Every action, once. Made anew for each story: they have a memory. */
export function actionStories(): readonly ActionStory[] {
  const helm = storyHelm([{}, { updatedAt: NOON - 10 * MINUTE }])
  const breaker = storyHttp()
  const called = storyHttp()
  const RELEASE = { name: 'api', namespace: 'shop' }
  return [
    { name: 'rollout-undo', steps: [step('rollout-undo')], done: cluster => cluster.generationsOf(TARGET) },
    { name: 'rollout-restart', steps: [step('rollout-restart')], changedWithin: undefined, done: cluster => cluster.generationsOf(TARGET) },
    {
      name: 'helm-rollback',
      steps: [step('helm-rollback')],
      needs: { helm },
      set: cluster => {
        const at = (revision: number): void =>
          cluster.put({
            ...badRollout(),
            release: { ...RELEASE, latest: { revision, status: 'deployed', changedAt: NOON - 10 * MINUTE } }
          })
        at(2)
        helm.onRollback = at
      },
      done: () => helm.made.length
    },
    {
      name: 'scale through an autoscaler',
      steps: [step('scale', { by: '+2', max: 9, restoreAfter: '1m' })],
      changedWithin: undefined,
      set: autoscaler,
      // Up, and back.
      done: cluster =>
        writesOf(/PATCH .*horizontalpodautoscalers/)(cluster) - (cluster.workloads.get('Deployment/shop/api')?.replicas === 3 ? 1 : 0)
    },
    {
      name: 'scale',
      steps: [step('scale', { by: '+2', max: 9, restoreAfter: '1m' })],
      changedWithin: undefined,
      set: subresource,
      done: cluster => writesOf(/PUT .*scale/)(cluster) - (cluster.workloads.get('Deployment/shop/api')?.replicas === 3 ? 1 : 0)
    },
    { name: 'delete-pod', steps: [step('delete-pod')], changedWithin: undefined, set: sickPod, done: writesOf(/eviction/) },
    {
      name: 'circuit-breaker-reset',
      steps: [step('circuit-breaker-reset', { url: 'http://{{ pod.ip }}:8080/actuator/circuitbreakers/payments', each: 'pod' })],
      changedWithin: undefined,
      needs: { http: breaker },
      set: cluster => cluster.put({ ...badRollout(), pods: [podOf('api-1', { ip: '10.1.1.1' })] }),
      done: () => breaker.posts.length,
      unclear: true
    },
    {
      name: 'http',
      steps: [step('http', { url: 'https://cache.example/flush' })],
      changedWithin: undefined,
      needs: { http: called },
      done: () => called.posts.length,
      unclear: true
    },
    { name: 'rollout-abort', steps: [{ ...step('rollout-abort'), target: ROLLOUT }], set: canary, done: writesOf(/PATCH .*status/) },
    {
      name: 'gitops-suspend, then rollout-undo',
      steps: [step('gitops-suspend'), step('rollout-undo')],
      set: enforced,
      done: cluster => Math.max(writesOf(/PATCH .*kustomizations/)(cluster), cluster.generationsOf(TARGET)),
      cured: cluster => cluster.generationsOf(TARGET) > 0
    }
  ]
}
