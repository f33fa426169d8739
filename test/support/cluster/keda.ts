import { ok, type TestClients } from '../conformance/clients.ts'
import { waitUntil } from '../world/world.ts'

/** KEDA's ScaledObject, as far as the API server must know it; nobody reconciles any. */
export async function installScaledObjects({ kube }: Pick<TestClients, 'kube'>): Promise<void> {
  ok(
    await kube.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'scaledobjects.keda.sh' },
      spec: {
        group: 'keda.sh',
        scope: 'Namespaced',
        names: { kind: 'ScaledObject', plural: 'scaledobjects' },
        versions: [
          {
            name: 'v1alpha1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
          }
        ]
      }
    })
  )
  const path = '/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects'
  await waitUntil(async () => (await kube.get(path)).kind === 'ok', 'ScaledObjects are served')
}
