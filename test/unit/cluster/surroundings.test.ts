import t from 'tap'
import { textAt } from '../../../src/base/json.ts'
import { createSurroundings } from '../../../src/cluster/surroundings.ts'
import { warningsIn } from '../../../src/cluster/warnings.ts'
import type { PodNeed } from '../../../src/domain/pod-needs.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { NOON } from '../../support/workloads.ts'

const soon = AbortSignal.timeout(60_000)
const need = (kind: PodNeed['kind'], name = 'x'): PodNeed => ({ kind, name })

/** An API server by what it answers to each path, and what it permits. */
function server(answers: Readonly<Record<string, KubeAnswer>>, permits: (resource: string) => boolean = () => true) {
  const asked: string[] = []
  const answer = (path: string): KubeAnswer => {
    asked.push(path)
    return answers[path] ?? { kind: 'error', status: 404, detail: 'not found' }
  }
  let now = NOON
  const around = createSurroundings(
    {
      get: async path => answer(path),
      metadataOf: async path => answer(path),
      async post(_path, review) {
        const resource = textAt(review, 'spec', 'resourceAttributes', 'resource') ?? ''
        asked.push(`may ${textAt(review, 'spec', 'resourceAttributes', 'verb') ?? ''} ${resource}`)
        return { kind: 'ok', status: 201, object: { status: { allowed: permits(resource) } } }
      }
    },
    () => now
  )
  return { around, asked, tick: (ms: number) => (now += ms) }
}

t.test('the texts of warnings, as the API server quotes them', async t => {
  t.same(warningsIn(undefined), [])
  t.same(warningsIn('299 - "v1 Endpoints is deprecated in v1.33+"'), ['v1 Endpoints is deprecated in v1.33+'])
  t.same(
    warningsIn(
      '299 - "would violate PodSecurity \\"restricted:latest\\": a (b)", 299 - "second, with a comma", 299 - "second, with a comma"'
    ),
    ['would violate PodSecurity "restricted:latest": a (b)', 'second, with a comma']
  )
  t.same(warningsIn('garbage'), [])
  t.equal(warningsIn(Array.from({ length: 50 }, (_, index) => `299 - "${index}"`).join(', ')).length, 20)
  t.equal(warningsIn(`299 - "${'x'.repeat(5_000)}"`)[0]?.length, 1_001)
})

t.test('there, gone, going; a right that is not there is asked about once, and never tried', async t => {
  const { around, asked, tick } = server(
    {
      '/api/v1/namespaces/shop/configmaps/there': { kind: 'ok', status: 200, object: { metadata: {} } },
      '/api/v1/namespaces/shop/persistentvolumeclaims/going': {
        kind: 'ok',
        status: 200,
        object: { metadata: { deletionTimestamp: '2026-11-21T11:00:00Z' } }
      }
    },
    resource => resource !== 'secrets'
  )
  const of = async (one: PodNeed): Promise<unknown> => {
    const looked = await around.presence('shop', one, soon)
    return looked.kind === 'seen' ? looked.value : looked
  }
  t.equal(await of(need('ConfigMap', 'there')), 'there')
  t.equal(await of(need('ConfigMap', 'gone')), 'gone')
  t.equal(await of(need('PersistentVolumeClaim', 'going')), 'going')
  for (const name of ['a', 'b']) t.same(await of(need('Secret', name)), { kind: 'unseen', why: `Secret ${name} (no right to get secrets)` })
  t.same(await of(need('CSIDriver', 'x')), { kind: 'unseen', why: 'CSIDriver x: Astern does not look at this kind' })
  t.same(asked, [
    'may get configmaps',
    '/api/v1/namespaces/shop/configmaps/there',
    '/api/v1/namespaces/shop/configmaps/gone',
    'may get persistentvolumeclaims',
    '/api/v1/namespaces/shop/persistentvolumeclaims/going',
    'may get secrets'
  ])
  tick(31_000)
  await of(need('Secret', 'c'))
  t.equal(asked.at(-1), 'may get secrets', 'somebody may have granted it meanwhile')
})

t.test('classes are asked for in the whole cluster', async t => {
  const { around, asked } = server({ '/apis/node.k8s.io/v1/runtimeclasses/x': { kind: 'ok', status: 200, object: {} } })
  t.match(await around.presence('shop', need('RuntimeClass'), soon), { kind: 'seen', value: 'there' })
  t.same(asked, ['may get runtimeclasses', '/apis/node.k8s.io/v1/runtimeclasses/x'])
})

t.test('no answer is neither there nor gone', async t => {
  for (const answer of [
    { kind: 'unreachable', detail: 'no route' },
    { kind: 'error', status: 503, detail: 'overload' },
    { kind: 'error', status: 429, detail: 'too many' }
  ] as const) {
    const { around } = server({ '/api/v1/namespaces/shop/configmaps/x': answer })
    t.equal((await around.presence('shop', need('ConfigMap'), soon)).kind, 'no-answer')
  }
  const { around } = server({ '/api/v1/namespaces/shop/configmaps/x': { kind: 'error', status: 403, detail: 'a webhook says no' } })
  t.equal((await around.presence('shop', need('ConfigMap'), soon)).kind, 'unseen', 'refused after all')
})

t.test('a kind is served if the API lists it now: asked each time, because it may be removed', async t => {
  const answers: Record<string, KubeAnswer> = {
    '/apis/example.com/v1': {
      kind: 'ok',
      status: 200,
      object: {
        resources: [
          { name: 'things', kind: 'Thing' },
          { name: 'things/scale', kind: 'Scale' }
        ]
      }
    },
    '/apis/metrics.k8s.io/v1': { kind: 'error', status: 503, detail: 'the server is currently unable to handle the request' }
  }
  const { around } = server(answers)
  t.equal(await around.serves('example.com/v1', 'Thing', soon), true)
  t.equal(await around.serves('example.com/v1', 'Scale', soon), false, 'only a part of another')
  t.equal(await around.serves('metrics.k8s.io/v1', 'NodeMetrics', soon), 'no-answer')
  delete answers['/apis/example.com/v1']
  t.equal(await around.serves('example.com/v1', 'Thing', soon), false)
})

t.test('what the namespace says of Pod Security, and its quotas', async t => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const { around } = server({
    '/api/v1/namespaces/shop': { kind: 'ok', status: 200, object: { metadata: { labels } } },
    '/api/v1/namespaces/shop/resourcequotas': { kind: 'ok', status: 200, object: { items: [{ metadata: { name: 'q' } }] } }
  })
  t.same(await around.podSecurity('shop', soon), { kind: 'seen', value: { enforce: 'restricted' } })
  t.match(await around.quotas('shop', soon), { kind: 'seen', value: [{ metadata: { name: 'q' } }] })
  const { around: blind } = server({}, () => false)
  t.match(await blind.podSecurity('shop', soon), {
    kind: 'unseen',
    why: /^what Pod Security the namespace enforces \(no right to get namespaces\)/
  })
  t.match(await blind.quotas('shop', soon), { kind: 'unseen', why: /^quotas \(no right to list resourcequotas\)/ })
})
