import t from 'tap'
import type { JsonObject } from '../../../src/base/json.ts'
import { createCluster } from '../../../src/cluster/cluster.ts'
import { keptMetadata, keptPod } from '../../../src/cluster/kept.ts'
import type { KubeClient } from '../../../src/cluster/kube-client.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { NOON } from '../../support/workloads.ts'

const never = AbortSignal.timeout(60_000)
const at = (ms: number): string => new Date(ms).toISOString()

t.test('lists of a decision come page by page, and of each object only what decisions need is kept', async t => {
  const ref = { kind: 'Deployment', namespace: 'shop', name: 'api' } as const
  const owned = (uid: string) => [{ uid, controller: true }]
  const secret = 'x'.repeat(1_000)
  const set = (index: number, owner: string): JsonObject => ({
    metadata: {
      name: `api-${index}`,
      uid: `set-${index}`,
      creationTimestamp: at(NOON),
      annotations: { 'deployment.kubernetes.io/revision': String(index + 1), 'kubectl.kubernetes.io/last-applied-configuration': secret },
      managedFields: [{ manager: secret }],
      ownerReferences: owned(owner)
    },
    spec: { template: { metadata: {}, spec: { containers: [{ name: 'main', env: [{ name: 'A', value: secret }] }] } } }
  })
  const pod = (index: number): JsonObject => ({
    metadata: { name: `pod-${index}`, uid: `pod-${index}`, managedFields: [{ manager: secret }], ownerReferences: owned('set-0') },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'app:1', env: [{ value: secret }] }], volumes: [{ name: secret }] },
    status: { containerStatuses: [{ name: 'main', state: { waiting: { reason: 'CrashLoopBackOff' } } }] }
  })
  const all: Readonly<Record<string, readonly JsonObject[]>> = {
    replicasets: Array.from({ length: 300 }, (_, index) => set(index, index < 2 ? 'deployment' : 'another')),
    pods: Array.from({ length: 600 }, (_, index) => pod(index))
  }
  const pages: string[] = []
  const client: Pick<KubeClient, 'get'> = {
    async get(path) {
      const url = new URL(path, 'http://x')
      const list = all[url.pathname.split('/').at(-1) ?? '']
      if (list === undefined)
        return { kind: 'ok', status: 200, object: { metadata: { uid: 'deployment' }, spec: { selector: { matchLabels: { app: 'api' } } } } }
      const [from, limit] = [Number(url.searchParams.get('continue') ?? '0'), Number(url.searchParams.get('limit') ?? '1e9')]
      pages.push(`${url.pathname.split('/').at(-1)} ${from}`)
      const next = from + limit
      return {
        kind: 'ok',
        status: 200,
        object: { metadata: next < list.length ? { continue: String(next) } : {}, items: list.slice(from, next) }
      }
    }
  }
  const away = async () => ({ kind: 'unreachable' as const, detail: 'not asked' })
  const rest = { metadata: away, metadataOf: away, page: away, watch: away, jsonPatch: away, post: away, put: away, delete: away }
  const scope = { allowed: () => ['*'], releasesUnread: () => 'not read here' }
  const cluster = createCluster(
    { ...client, ...rest },
    createClockOffset(() => NOON),
    () => NOON,
    scope
  )
  const read = await cluster.read(ref, never)
  if (read.kind !== 'found') throw new Error(read.detail)
  t.same(pages.sort(), ['pods 0', 'pods 250', 'pods 500', 'replicasets 0', 'replicasets 250'])
  t.equal(read.workload.pods.length, 600)
  t.match(read.workload.pods[599], { name: 'pod-599', waiting: 'CrashLoopBackOff' })
  t.same(
    read.workload.revisions.map(({ number }) => number),
    [2, 1],
    'those of others are let go of'
  )
  t.match(
    read.workload.revisions[0]?.template,
    { spec: { containers: [{ env: [{ value: secret }] }] } },
    'a template is written back: it stays whole'
  )

  t.same(keptPod(pod(1)), {
    metadata: { name: 'pod-1', uid: 'pod-1', ownerReferences: owned('set-0') },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'app:1' }] },
    status: { containerStatuses: [{ name: 'main', state: { waiting: { reason: 'CrashLoopBackOff' } } }] }
  })
  t.same(keptMetadata({ ...pod(1), data: { password: secret } }), {
    metadata: { name: 'pod-1', uid: 'pod-1', ownerReferences: owned('set-0') }
  })
})
