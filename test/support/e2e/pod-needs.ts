import type { JsonObject } from '../../../src/base/json.ts'
import { ok, statusOf, type TestClients } from '../conformance/clients.ts'

/** Pods that need one of everything that is looked at by default before a version is put back. */
export const POD_NEEDS: JsonObject = {
  serviceAccountName: 'api',
  volumes: [
    { name: 'settings', configMap: { name: 'settings' } },
    { name: 'data', persistentVolumeClaim: { claimName: 'data' } }
  ]
}

/** The same, and what is looked at only where the chart says so; of classes those that a pod can have without a provisioner. */
export const ALL_POD_NEEDS: JsonObject = {
  ...POD_NEEDS,
  volumes: [
    { name: 'settings', configMap: { name: 'settings' } },
    { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'keys', secret: { secretName: 'keys' } }
  ],
  priorityClassName: 'going-back',
  runtimeClassName: 'going-back'
}

/** Makes what those pods need, in a namespace. */
export async function makeNeeds({ kube }: Pick<TestClients, 'kube'>, namespace: string): Promise<void> {
  const core = `/api/v1/namespaces/${namespace}`
  const volume = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany'], storageClassName: '', hostPath: { path: '/tmp' } }
  const claimRef = { namespace, name: 'data' }
  const persistent = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `data-${namespace}` }, spec: { ...volume, claimRef } }
  ok(await kube.post('/api/v1/persistentvolumes', persistent))
  const resources = { requests: { storage: '1Gi' } }
  const claim = { accessModes: ['ReadWriteMany'], storageClassName: '', volumeName: `data-${namespace}`, resources }
  ok(
    await kube.post(`${core}/persistentvolumeclaims`, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: claim
    })
  )
  ok(await kube.post(`${core}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } }))
  ok(await kube.post(`${core}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' } }))
  ok(await kube.post(`${core}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'api' } }))
}

/** Makes the classes that {@link ALL_POD_NEEDS} names, where they are not there yet. */
export async function makeClasses({ kube }: Pick<TestClients, 'kube'>): Promise<void> {
  const metadata = { name: 'going-back' }
  const priority = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata, value: 10 }
  const runtime = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata, handler: 'runc' }
  // Another case of the same cluster made it.
  for (const made of [
    await kube.post('/apis/scheduling.k8s.io/v1/priorityclasses', priority),
    await kube.post('/apis/node.k8s.io/v1/runtimeclasses', runtime)
  ])
    if (statusOf(made) !== 409) ok(made)
}
