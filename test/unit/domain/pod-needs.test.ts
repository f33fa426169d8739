import t from 'tap'
import { needText, podNeeds } from '../../../src/domain/pod-needs.ts'

const names = (spec: object): readonly string[] => podNeeds({ spec }).map(needText).sort()

t.test('what a pod needs: every place that names an object, once; nothing that is optional', async t => {
  t.same(
    names({
      serviceAccountName: 'api',
      priorityClassName: 'high',
      runtimeClassName: 'gvisor',
      imagePullSecrets: [{ name: 'registry' }],
      initContainers: [{ name: 'init', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'init-key', key: 'a' } } }] }],
      containers: [
        {
          name: 'main',
          env: [
            { name: 'B', valueFrom: { configMapKeyRef: { name: 'settings', key: 'b' } } },
            { name: 'C', valueFrom: { configMapKeyRef: { name: 'maybe', key: 'c', optional: true } } },
            { name: 'D', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }
          ],
          envFrom: [
            { configMapRef: { name: 'settings' } },
            { configMapRef: { name: 'maybe-all', optional: true } },
            { secretRef: { name: 'keys' } },
            { secretRef: { name: 'maybe-keys', optional: true } }
          ]
        }
      ],
      volumes: [
        { name: 'a', configMap: { name: 'files' } },
        { name: 'b', configMap: { name: 'maybe-files', optional: true } },
        { name: 'c', secret: { secretName: 'tls' } },
        { name: 'd', secret: { secretName: 'maybe-tls', optional: true } },
        { name: 'e', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'f', ephemeral: { volumeClaimTemplate: { spec: { storageClassName: 'fast' } } } },
        {
          name: 'g',
          projected: {
            sources: [
              { configMap: { name: 'projected' } },
              { secret: { name: 'maybe-projected', optional: true } },
              { serviceAccountToken: { path: 'token' } },
              { downwardAPI: { items: [] } }
            ]
          }
        },
        { name: 'h', csi: { driver: 'secrets-store.csi.k8s.io', nodePublishSecretRef: { name: 'store' } } },
        { name: 'i', emptyDir: {} }
      ],
      resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }]
    }),
    [
      'CSIDriver secrets-store.csi.k8s.io',
      'ConfigMap files',
      'ConfigMap projected',
      'ConfigMap settings',
      'PersistentVolumeClaim data',
      'PriorityClass high',
      'ResourceClaim gpu',
      'RuntimeClass gvisor',
      'Secret init-key',
      'Secret keys',
      'Secret registry',
      'Secret store',
      'Secret tls',
      'ServiceAccount api',
      'StorageClass fast'
    ]
  )
})

t.test('a Secret that is for pulling only may be done without; one that is needed elsewhere too may not', async t => {
  const of = (spec: object): unknown => podNeeds({ spec }).map(({ name, mayDoWithout }) => [name, mayDoWithout])
  t.same(of({ imagePullSecrets: [{ name: 'registry' }] }), [['registry', true]])
  t.same(of({ imagePullSecrets: [{ name: 'one' }], containers: [{ envFrom: [{ secretRef: { name: 'one' } }] }] }), [['one', undefined]])
})

t.test('whatever the template is, nothing throws', async t => {
  for (const spec of [null, 1, [], { containers: 'x', volumes: [null, 1, { configMap: null }], imagePullSecrets: [null] }])
    t.same(podNeeds({ spec }), [])
})
