import { type JsonObject, objectAt } from '../../../src/base/json.ts'
import { createCluster } from '../../../src/cluster/cluster.ts'
import { connect } from '../../../src/cluster/connection.ts'
import { createKubeClient, type KubeClient } from '../../../src/cluster/kube-client.ts'
import { KINDS, type ObjectRef, objectPath, type TargetKind } from '../../../src/domain/objects.ts'
import type { Cluster } from '../../../src/domain/ports/cluster.ts'
import type { Kube, KubeAnswer } from '../../../src/domain/ports/kube.ts'
import type { Workload } from '../../../src/domain/workload.ts'
import { withBreaker } from '../../../src/outgoing/breaker.ts'
import { type ClockOffset, createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { HANG_MS } from '../hang.ts'

/** A test may look at everything. */
const EVERYWHERE = { allowed: () => ['*'], releasesUnread: () => 'tests do not read release contents' }

export interface TestClients {
  readonly kube: KubeClient
  readonly cluster: Cluster
  readonly offset: ClockOffset
  close(): void
}

/** Astern's own cluster access, against whatever the kubeconfig leads to. */
export async function openClients(kubeconfig: string): Promise<TestClients> {
  const http = createHttpClient()
  const offset = createClockOffset(Date.now)
  const kube = createKubeClient(await connect({ kubeconfig }, Date.now), http, withBreaker(http, { name: 'test' }), offset)
  return { kube, offset, cluster: createCluster(kube, offset, Date.now, EVERYWHERE), close: () => http.close() }
}

export function deploymentOf(
  name: string,
  image: string,
  more: {
    readonly kind?: TargetKind
    readonly spec?: JsonObject
    readonly metadata?: JsonObject
    readonly replicas?: number
    readonly annotations?: Readonly<Record<string, string>>
    readonly podSpec?: JsonObject
    readonly progressDeadlineSeconds?: number
  } = {}
): JsonObject {
  const { group, version } = KINDS[more.kind ?? 'Deployment']
  return {
    apiVersion: `${group}/${version}`,
    kind: more.kind ?? 'Deployment',
    metadata: { name, ...more.metadata },
    spec: {
      ...(more.kind === 'DaemonSet' ? {} : { replicas: more.replicas ?? 2 }),
      ...(more.progressDeadlineSeconds === undefined ? {} : { progressDeadlineSeconds: more.progressDeadlineSeconds }),
      selector: { matchLabels: { app: name } },
      ...more.spec,
      template: {
        metadata: { labels: { app: name }, ...(more.annotations === undefined ? {} : { annotations: more.annotations }) },
        spec: { containers: [{ name: 'main', image }], ...more.podSpec }
      }
    }
  }
}

/** An autoscaler of a Deployment, on a metric that nobody here serves: it keeps to its bounds, and no more. */
export function autoscalerOf(deployment: string, minReplicas: number, maxReplicas: number): JsonObject {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: deployment },
    spec: {
      minReplicas,
      maxReplicas,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }]
    }
  }
}

export function pathOf(ref: { readonly namespace: string; readonly name?: string }, plural = 'deployments'): string {
  return `/apis/apps/v1/namespaces/${ref.namespace}/${plural}${ref.name === undefined ? '' : `/${ref.name}`}`
}

export function ok(answer: KubeAnswer): JsonObject {
  if (answer.kind !== 'ok') throw new Error(`expected success, got ${answer.kind}: ${answer.detail}`)
  return answer.object
}

/** Puts what `change` makes of the object at a path, also where a controller wrote it since it was read. */
export async function overwrite(
  kube: Kube,
  path: string,
  change: (object: JsonObject) => JsonObject,
  fieldManager?: string
): Promise<void> {
  const wished = change(ok(await kube.get(path)))
  // The API server puts an object without a version over whatever is there.
  const metadata = { ...objectAt(wished, 'metadata'), resourceVersion: undefined }
  ok(await kube.put(`${path}${fieldManager === undefined ? '' : `?fieldManager=${fieldManager}`}`, { ...wished, metadata }))
}

export function statusOf(answer: KubeAnswer): number {
  return answer.kind === 'unreachable' ? 0 : answer.status
}

/** Reads the workload until it is as wished. @throws when that hangs, with what it was. */
export async function untilWorkload(
  cluster: Cluster,
  ref: ObjectRef,
  wished: (workload: Workload) => boolean,
  what: string
): Promise<Workload> {
  const until = Date.now() + HANG_MS
  for (;;) {
    const read = await cluster.read(ref, AbortSignal.timeout(10_000))
    if (read.kind === 'found' && wished(read.workload)) return read.workload
    if (Date.now() > until)
      throw new Error(
        `${what} did not happen: ${read.kind === 'found' ? JSON.stringify({ rollout: read.workload.rollout, revisions: read.workload.revisions.map(revision => [revision.number, revision.identity, revision.reused]) }) : read.detail}`
      )
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

export function imageOf(workload: Workload): unknown {
  const spec = workload.template['spec'] as { readonly containers?: readonly { readonly image?: string }[] }
  return spec.containers?.[0]?.image
}

export async function setImage(kube: KubeClient, ref: ObjectRef, image: string): Promise<void> {
  ok(
    await kube.jsonPatch(`${objectPath(ref)}?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: image }
    ])
  )
}
