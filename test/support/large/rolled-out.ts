import { type JsonObject, textAt } from '../../../src/base/json.ts'
import type { ObjectRef } from '../../../src/domain/objects.ts'
import type { Kube } from '../../../src/domain/ports/kube.ts'
import { deploymentOf, ok, pathOf } from '../conformance/clients.ts'

/** Makes a Deployment with two revisions and its pods look like the controllers leave it after a rollout. No controller runs. */
export async function rolledOut(kube: Kube, ref: ObjectRef, replicas: number): Promise<void> {
  const owner = ok(
    await kube.post(`${pathOf({ namespace: ref.namespace })}?fieldManager=pipeline`, deploymentOf(ref.name, 'app:2', { replicas }))
  )
  const uid = textAt(owner, 'metadata', 'uid') ?? ''
  const sets: JsonObject[] = []
  for (const revision of [1, 2])
    sets.push(ok(await kube.post(pathOf({ namespace: ref.namespace }, 'replicasets'), replicaSet(ref.name, uid, revision))))
  const second = `${new Date().toISOString().slice(0, 19)}Z`
  const condition = { status: 'True', lastUpdateTime: second, lastTransitionTime: second }
  await status(kube, pathOf(ref), {
    observedGeneration: 1,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
    conditions: [{ ...condition, type: 'Progressing', reason: 'NewReplicaSetAvailable' }]
  })
  for (let index = 0; index < replicas; index += 1) {
    const name = `${ref.name}-${index}`
    ok(await kube.post(`/api/v1/namespaces/${ref.namespace}/pods`, podOf(name, ref.name, textAt(sets[1], 'metadata', 'uid') ?? '')))
    await status(kube, `/api/v1/namespaces/${ref.namespace}/pods/${name}`, {
      phase: 'Running',
      podIP: '127.10.0.1',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: second }]
    })
  }
}

async function status(kube: Kube, path: string, value: JsonObject): Promise<void> {
  ok(await kube.put(`${path}/status`, { ...ok(await kube.get(path)), status: value }))
}

function replicaSet(app: string, uid: string, revision: number): JsonObject {
  const labels = { app, 'pod-template-hash': String(revision) }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${app}-${revision}`,
      labels,
      annotations: { 'deployment.kubernetes.io/revision': String(revision) },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: app, uid, controller: true }]
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: `app:${revision}` }] } }
    }
  }
}

function podOf(name: string, app: string, owner: string): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { app },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-2`, uid: owner, controller: true }]
    },
    spec: { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'app:2' }] }
  }
}
