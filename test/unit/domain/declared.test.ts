import fc from 'fast-check'
import t from 'tap'
import type { JsonObject } from '../../../src/base/json.ts'
import { contradicted, declared } from '../../../src/domain/declared.ts'
import { seeded } from '../../support/seed.ts'

const MANIFEST: JsonObject = {
  metadata: { labels: { app: 'api' }, annotations: { empty: '' } },
  spec: {
    hostNetwork: false,
    terminationGracePeriodSeconds: 0,
    securityContext: {},
    containers: [
      {
        name: 'main',
        image: 'app:v1',
        command: ['run', 'it'],
        env: [
          { name: 'LEVEL', value: 'good' },
          { name: 'NOTHING', value: '' }
        ],
        ports: [{ containerPort: 80 }],
        resources: { requests: { cpu: 0.5, memory: '1024Mi' } }
      }
    ]
  }
}
/** What the API server makes of it: defaults, other spellings, a sidecar, and nothing that is empty. */
const LIVE: JsonObject = {
  metadata: { labels: { app: 'api' } },
  spec: {
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    containers: [
      { name: 'injected', image: 'proxy' },
      {
        name: 'main',
        image: 'app:v1',
        imagePullPolicy: 'IfNotPresent',
        command: ['run', 'it'],
        env: [{ name: 'INJECTED', value: 'x' }, { name: 'LEVEL', value: 'good' }, { name: 'NOTHING' }],
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        resources: { requests: { cpu: '500m', memory: '1Gi' } }
      }
    ]
  }
}
const changed = (from: string, to: string): JsonObject => JSON.parse(JSON.stringify(LIVE).replace(from, to)) as JsonObject

t.test('a template has what its manifest declares, whatever the API server added, respelled or dropped', async t => {
  t.same(contradicted(declared(MANIFEST), LIVE), [])
})

t.test('what is otherwise than declared is named, by its place', async t => {
  const fields = (from: string, to: string) => contradicted(declared(MANIFEST), changed(from, to))
  t.same(fields('app:v1', 'app:v2'), ['spec.containers[main].image'])
  t.same(fields('"good"', '"bad"'), ['spec.containers[main].env[LEVEL].value'])
  t.same(fields('"LEVEL"', '"OTHER"'), ['spec.containers[main].env[LEVEL]'], 'one that is gone')
  t.same(fields('["run","it"]', '["it","run"]'), ['spec.containers[main].command'], 'the order of a command matters')
  t.same(fields('"500m"', '"600m"'), ['spec.containers[main].resources.requests.cpu'])
  t.same(fields('"containerPort":80', '"containerPort":81'), ['spec.containers[main].ports[?]'])
  t.same(fields('"app":"api"', '"app":"web"'), ['metadata.labels.app'])
  t.same(fields('"dnsPolicy"', '"hostNetwork":true,"dnsPolicy"'), ['spec.hostNetwork'])
})

t.test('what is kept of a manifest tells no value', async t => {
  const secret = { spec: { containers: [{ name: 'main', env: [{ name: 'PASSWORD', value: 'hunter2' }], args: ['--key=hunter2'] }] } }
  t.notMatch(JSON.stringify(declared(secret)), /hunter2/)
})

t.test('every template has what it declares itself', async t => {
  const name = fc.constantFrom('a', 'b', 'c', 'requests', 'name')
  const json = fc.letrec(tie => ({
    value: fc.oneof({ maxDepth: 4 }, fc.string(), fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    object: fc.dictionary(name, tie('value'), { maxKeys: 4 })
  }))
  const property = fc.property(json.object, object => contradicted(declared(object), object as JsonObject).length === 0)
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300, ...seeded(879_784_381) }))
})
