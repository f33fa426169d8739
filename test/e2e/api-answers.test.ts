import t from 'tap'
import { type JsonObject, listAt, objectAt, textAt } from '../../src/base/json.ts'
import type { KubeAnswer } from '../../src/domain/ports/kube.ts'
import { type AnswerRow, rowOf, WRITE_ANSWERS, type WriteVerb } from '../../src/domain/write-answers.ts'
import { denyByPolicy, register, startWebhook } from '../support/cluster/webhook.ts'
import { deploymentOf, ok, openClients, pathOf, untilWorkload } from '../support/conformance/clients.ts'
import { openSite } from '../support/e2e/site.ts'
import { waitUntil } from '../support/world/world.ts'

// Every row of the table of answers that a real API server can be made to say.
t.jobs = 1
const { plane, admin } = await openSite(t)
const { kube, cluster } = admin
const said = new Set<AnswerRow>()

function told(verb: WriteVerb, answer: KubeAnswer): string {
  if (answer.kind !== 'error') return answer.kind
  const row = rowOf(verb, answer)
  said.add(row)
  return `${answer.status} ${row.told}`
}

async function opened(namespace: string): Promise<string> {
  ok(await kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  ok(await kube.post(pathOf({ namespace }), deploymentOf('api', 'app:v1')))
  return pathOf({ namespace, name: 'api' })
}

const REPLACE = (image: string): JsonObject => ({ op: 'replace', path: '/spec/template/spec/containers/0/image', value: image })

/** Writes until the API server has heard of a policy or webhook, which takes it a moment. */
async function untilError(write: () => Promise<KubeAnswer>): Promise<KubeAnswer> {
  let answer: KubeAnswer = await write()
  await waitUntil(async () => {
    answer = await write()
    return answer.kind === 'error'
  }, 'the API server refuses it')
  return answer
}

t.test('patches', async t => {
  const path = await opened('answers-patch')
  const patch = (...operations: readonly JsonObject[]): Promise<KubeAnswer> => kube.jsonPatch(path, operations)

  t.equal(told('patch', await patch({ op: 'test', path: '/metadata/uid', value: 'x' })), '422 read again')
  t.equal(told('patch', await patch({ op: 'remove', path: '/metadata/nowhere' })), '422 read again')
  t.equal(told('patch', await patch({ op: 'replace', path: '/spec/selector/matchLabels', value: { app: 'y' } })), '422 forbidden')
  t.equal(told('patch', await patch({ op: 'replace', path: '/metadata/resourceVersion', value: '1' })), '409 read again')
  t.equal(told('patch', await kube.jsonPatch(`${path}x`, [REPLACE('a')])), '404 target-not-found')
  const unserved = await kube.jsonPatch('/apis/apps/v1/namespaces/answers-patch/things/api', [])
  t.match(unserved, { status: 404, detail: /could not find the requested resource/ })
  t.equal(told('patch', unserved), '404 target-not-found')
  t.equal(told('patch', await kube.jsonPatch('/apis/none.example/v1/namespaces/answers-patch/things/api', [])), '404 target-not-found')
  t.equal(told('patch', await kube.post(path, deploymentOf('api', 'app:v2'))), '405 failed')
  const annotation = (size: number): JsonObject => ({ op: 'add', path: '/metadata/annotations', value: { big: 'x'.repeat(size) } })
  t.equal(told('patch', await patch(annotation(300_000))), '422 too-large')
  t.equal(told('patch', await patch(annotation(3_300_000))), '413 too-large')
  const configMaps = '/api/v1/namespaces/answers-patch/configmaps'
  ok(await kube.post(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'big' } }))
  const env = Array.from({ length: 1_600 }, (_, index) => ({ name: `A${index}`, value: 'x'.repeat(1_000) }))
  const huge = await patch({ op: 'add', path: '/spec/template/spec/containers/0/env', value: env })
  t.match(huge, { status: 500, detail: /request is too large/ })
  t.equal(told('patch', huge), '500 too-large')
})

t.test('rights', async t => {
  const path = await opened('answers-rights')
  const accounts = '/api/v1/namespaces/answers-rights/serviceaccounts'
  ok(await kube.post(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nobody' } }))
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  const token = textAt(ok(await kube.post(`${accounts}/nobody/token`, request)), 'status', 'token') ?? ''
  const as = async (bearer: string): Promise<KubeAnswer> => {
    const { writeFileSync, mkdtempSync, readFileSync } = await import('node:fs')
    const config: unknown = JSON.parse(readFileSync(plane.kubeconfig, 'utf8'))
    const file = `${mkdtempSync('/tmp/astern-answers-')}/kubeconfig`
    const users = listAt(config, 'users').map(user => ({ ...objectAt(user), user: { token: bearer } }))
    writeFileSync(file, JSON.stringify({ ...objectAt(config), users }))
    const clients = await openClients(file)
    t.teardown(() => clients.close())
    return clients.kube.jsonPatch(path, [REPLACE('app:v2')])
  }
  t.equal(told('patch', await as(token)), '403 forbidden')
  t.equal(told('patch', await as('wrong')), '401 forbidden')
})

t.test('the scale subresource', async t => {
  const path = await opened('answers-scale')
  const scale = ok(await kube.get(`${path}/scale`))
  const put = (metadata: JsonObject, replicas = 3): Promise<KubeAnswer> =>
    kube.put(`${path}/scale`, { ...scale, metadata: { ...objectAt(scale, 'metadata'), ...metadata }, spec: { replicas } })
  t.equal(told('scale', await put({ resourceVersion: '1' })), '409 read again')
  t.equal(told('scale', await put({ uid: 'another', resourceVersion: undefined })), '409 read again')
  t.equal(told('scale', await put({ resourceVersion: undefined }, -1)), '422 forbidden')
  t.equal(told('scale', await kube.put(`${path}x/scale`, { ...scale, metadata: { name: 'apix' } })), '404 target-not-found')
})

t.test('policies and webhooks', async t => {
  for (const [reason, status] of [
    [undefined, 422],
    ['Forbidden', 403],
    ['RequestEntityTooLarge', 413]
  ] as const) {
    const namespace = `answers-policy-${status}`
    const path = await opened(namespace)
    const expression = `object.spec.template.spec.containers.all(c, c.image != "app:v2")`
    await denyByPolicy(t, admin, { namespace, expression, message: 'v2 is not wanted', ...(reason === undefined ? {} : { reason }) })
    const answer = await untilError(() => kube.jsonPatch(path, [REPLACE('app:v2')]))
    t.equal(told('patch', answer), `${status} forbidden`)
    t.match(answer, { detail: /denied request: v2 is not wanted/ })
  }
  for (const [code, status] of [
    [undefined, 400],
    [403, 403],
    [409, 409],
    [422, 422],
    [500, 500]
  ] as const) {
    const namespace = `answers-webhook-${code ?? 'plain'}`
    const path = await opened(namespace)
    const webhook = await startWebhook(t, plane, () => ({
      allowed: false,
      status: { message: 'images must be signed', ...(code === undefined ? {} : { code }) }
    }))
    await register(t, admin, webhook, { namespace, kind: 'Validating', resources: ['deployments', 'pods/eviction'] })
    const answer = await untilError(() => kube.jsonPatch(path, [REPLACE('app:v2')]))
    t.equal(told('patch', answer), `${status} forbidden`)
    t.match(answer, { detail: /denied the request: images must be signed/ })
    if (code !== undefined) continue
    await webhook.close()
    t.equal(told('patch', await kube.jsonPatch(path, [REPLACE('app:v2')])), '500 webhook-unreachable')
  }
})

t.test('evictions', async t => {
  const namespace = 'answers-evict'
  await opened(namespace)
  const ref = { kind: 'Deployment', namespace, name: 'api' } as const
  const { pods } = await untilWorkload(cluster, ref, workload => workload.rollout.available && workload.pods.length === 2, 'two pods')
  const [pod] = pods
  if (pod === undefined) throw new Error('no pod')
  const evict = (name: string, uid: string): Promise<KubeAnswer> =>
    kube.post(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid } }
    })
  const budget = async (name: string): Promise<void> => {
    ok(
      await kube.post(`/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`, {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name },
        spec: { minAvailable: 2, selector: { matchLabels: { app: 'api' } } }
      })
    )
  }
  t.equal(told('evict', await evict('nobody', 'x')), '404 gone')
  t.equal(told('evict', await evict(pod.name, 'another')), '409 gone')
  await budget('first')
  t.equal(told('evict', await evict(pod.name, pod.uid)), '429 disruption-budget')
  await budget('second')
  t.equal(told('evict', await evict(pod.name, pod.uid)), '500 forbidden')
})

t.test('all but these rows were said', async t => {
  const rest = WRITE_ANSWERS.filter(row => !said.has(row)).map(
    ({ verbs, statuses, sign = '' }) => `${verbs.join('/')} ${statuses.join()} ${sign}`
  )
  t.same(rest, [
    // A conflict within the eviction, and overload: neither can be brought about at will.
    'evict 409 ',
    'patch/scale/evict 429 ',
    'evict 504 a budget that others change',
    // A server that is not sure itself.
    'patch/scale/evict 2,408,5 '
  ])
})
