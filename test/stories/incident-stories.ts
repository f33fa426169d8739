import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { isObject, type JsonObject, listAt, numberAt, textAt } from '../../src/base/json.ts'
import { collectionPath, type ObjectRef } from '../../src/domain/objects.ts'
import { autoscalerOf, deploymentOf, imageOf, ok, setImage, untilWorkload } from '../support/conformance/clients.ts'
import { ended, openWorld, type Site, type World, type WorldOptions, waitUntil } from '../support/world/world.ts'
import { type ReleaseSite, writeChart } from './release-stories.ts'

/** The shipped policies, as they are but for their times: minutes would be seconds of waiting here. */
export function shippedPolicies(namespace: string, more: Readonly<Record<string, JsonObject>> = {}): readonly JsonObject[] {
  const quick = readFileSync('policies.yaml', 'utf8')
    .replaceAll(/\[[12]m\]/g, '[5s]')
    .replaceAll(/provenFor: 10m/g, 'provenFor: 0s')
    .replaceAll(/restoreAfter: 30m/g, 'restoreAfter: 2s')
    .replaceAll(/olderThan: 2m/g, 'olderThan: 1s')
    .replaceAll(/when: \{ changedWithin: 60m \}/g, 'when: { changedWithin: 7s }')
  const file: unknown = parse(quick)
  return listAt(file, 'policies')
    .filter(isObject)
    .map(policy => ({
      ...policy,
      mode: 'auto',
      recheck: '1s',
      guards: { namespaces: [namespace], cooldown: '1s' },
      escalate: { after: '2m', to: ['people'] },
      verify: listAt(policy, 'verify')
        .filter(isObject)
        .map(query => ({ ...query, samples: 2, every: '1s', maxAge: '10s' })),
      steps: listAt(policy, 'steps')
        .filter(isObject)
        .map(step => ({
          ...step,
          ...(textAt(step, 'action') === 'rollout-undo' ? { with: { provenFor: '0s' } } : {}),
          confirm: { within: '80s', passes: 2, every: '1s' }
        })),
      ...more[textAt(policy, 'name') ?? '']
    }))
}

const RATIO = (namespace: string): string =>
  `sum by (namespace, deployment) (rate(http_requests_total{namespace="${namespace}", status=~"5.."}[5s])) / sum by (namespace, deployment) (rate(http_requests_total{namespace="${namespace}"}[5s]))`

const alert = (name: string, expr: string): unknown => ({ alert: name, expr, for: '2s', labels: { severity: 'critical' } })

interface Gateway {
  readonly world: World
  readonly gateway: ObjectRef
  readonly auth: ObjectRef
  /** By pod. */
  readonly breakers: Map<string, string>
  readonly resets: string[]
}

/** I1's services: a gateway of two pods with a breaker each, and five pods of auth-service. */
async function openGateway(t: Test, site: Site, namespace: string): Promise<Gateway> {
  const breakers = new Map<string, string>()
  const resets: string[] = []
  let world: World | undefined
  const readiness = async (): Promise<string> => {
    if (world === undefined) return ''
    const list = ok(await world.clients.kube.get(`/api/v1/namespaces/${namespace}/pods`))
    const lines = listAt(list, 'items').map(pod => {
      const ready = listAt(pod, 'status', 'conditions').some(one => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True')
      const name = textAt(pod, 'metadata', 'name') ?? ''
      return `kube_pod_status_ready{namespace="${namespace}",pod="${name}",condition="false"} ${ready ? 0 : 1}`
    })
    const open = [...breakers].map(
      ([pod, state]) =>
        `circuit_breaker_open{namespace="${namespace}",deployment="api-gateway",pod="${pod}",breaker="auth-service"} ${state === 'open' ? 1 : 0}`
    )
    return [
      ...lines,
      ...open,
      `circuit_breaker_open{namespace="${namespace}",deployment="api-gateway",pod="none",breaker="auth-service"} 0`,
      ''
    ].join('\n')
  }
  const options: WorldOptions = {
    policies: shippedPolicies(namespace),
    groups: [
      {
        name: 'stories',
        interval: '1s',
        rules: [
          alert(
            'ApiGatewayHighErrorRate',
            `${RATIO(namespace)} > 0.05 and on (deployment) label_replace(vector(1), "deployment", "api-gateway", "", "")`
          )
        ]
      }
    ],
    metrics: readiness,
    answer(pod, method, path) {
      if (pod.deployment !== 'api-gateway' || !path.startsWith('/admin/circuit-breaker/auth-service')) return undefined
      if (method === 'POST') {
        resets.push(pod.name)
        breakers.set(pod.name, 'closed')
      }
      return { status: 200, body: { state: breakers.get(pod.name) ?? 'closed' } }
    }
  }
  world = await openWorld(t, site, namespace, options)
  const gateway: ObjectRef = { kind: 'Deployment', namespace, name: 'api-gateway' }
  const auth: ObjectRef = { kind: 'Deployment', namespace, name: 'auth-service' }
  const { kube, cluster } = world.clients
  for (const [ref, image, replicas] of [
    [gateway, 'gateway:v1', 2],
    [auth, 'auth:v1', 5]
  ] as const) {
    ok(await kube.post(`${collectionPath('Deployment', namespace)}?fieldManager=pipeline`, deploymentOf(ref.name, image, { replicas })))
    await untilWorkload(cluster, ref, workload => workload.rollout.available, `${ref.name} runs`)
  }
  await world.astern()
  const { pods } = await untilWorkload(cluster, gateway, workload => workload.rollout.available, 'the gateway runs')
  for (const pod of pods) breakers.set(pod.name, 'closed')
  return { world, gateway, auth, breakers, resets }
}

/** I1, one sick pod of the upstream: that one goes, and nothing else is touched. */
export async function i1SickPod(t: Test, site: Site, namespace: string): Promise<void> {
  const { world, auth, resets } = await openGateway(t, site, namespace)
  const { kube, cluster } = world.clients
  const { pods } = await untilWorkload(cluster, auth, workload => workload.rollout.available, 'auth-service runs')
  const path = `/api/v1/namespaces/${namespace}/pods/${pods[0]?.name ?? ''}`
  const ready = listAt(ok(await kube.get(path)), 'status', 'conditions').findIndex(one => textAt(one, 'type') === 'Ready')
  ok(await kube.jsonPatch(`${path}/status`, [{ op: 'replace', path: `/status/conditions/${ready}/status`, value: 'False' }]))
  world.errors.set('gateway:v1', 0.2)
  const evicted = (): boolean => world.proxy.writes.some(write => !write.dryRun && write.uri.includes('/eviction'))
  await waitUntil(evicted, 'the sick pod goes')
  world.errors.delete('gateway:v1')
  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['step']], ['recovered', 0], { run })
  t.equal(world.proxy.writes.filter(write => !write.dryRun && write.uri.includes('/eviction')).length, 1)
  t.same([world.proxy.deploymentWrites().length, resets.length], [0, 0], 'nothing healthy was restarted, no breaker touched')
}

/** I1, the breaker is open and the upstream well again: reset, in each pod. */
export async function i1OpenBreaker(t: Test, site: Site, namespace: string): Promise<void> {
  const { world, gateway, breakers, resets } = await openGateway(t, site, namespace)
  const { pods } = await untilWorkload(world.clients.cluster, gateway, workload => workload.rollout.available, 'the gateway runs')
  for (const pod of pods) breakers.set(pod.name, 'open')
  world.errors.set('gateway:v1', 0.5)
  await waitUntil(() => resets.length === 2, 'both breakers are reset')
  world.errors.delete('gateway:v1')
  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['step']], ['recovered', 2], { run })
  t.equal(world.proxy.deploymentWrites().length, 0)
}

/** I1, a deploy of auth-service within the hour: that one is undone, and not the gateway. */
export async function i1BadDeploy(t: Test, site: Site, namespace: string): Promise<void> {
  const { world, gateway, auth } = await openGateway(t, site, namespace)
  // The gateway was deployed before the hour, which is seven seconds here.
  await new Promise(resolve => setTimeout(resolve, 9_000))
  await setImage(world.clients.kube, auth, 'auth:v2-err30')
  world.errors.set('gateway:v1', 0.3)
  await untilWorkload(world.clients.cluster, auth, workload => imageOf(workload) === 'auth:v1', 'auth-service is undone')
  world.errors.delete('gateway:v1')
  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['step']], ['recovered', 4], { run })
  const writes = world.proxy.deploymentWrites().map(write => write.uri)
  t.equal(writes.length, 1, writes.join(' '))
  t.match(writes[0], /auth-service/)
  const after = await untilWorkload(world.clients.cluster, gateway, () => true, 'a read')
  t.equal(after.revisions.length, 1, 'the gateway was left alone')
}

/** I2: traffic triples, 98 of 100 connections, three alerts, nothing deployed: nothing is undone, and people are told why. */
export async function i2PoolExhausted(t: Test, site: Site, namespace: string, { leak }: { readonly leak: boolean }): Promise<void> {
  let active = 45
  const world = await openWorld(t, site, namespace, {
    policies: shippedPolicies(namespace, { ...(leak ? {} : { 'database-pool-exhausted': { changedWithin: '1s' } }) }),
    metrics: () =>
      `db_connections_active{namespace="${namespace}"} ${active}\ndb_connections_max{namespace="${namespace}"} 100\ndb_connections_waiting{namespace="${namespace}"} ${active > 90 ? 12 : 0}\n`,
    groups: [
      {
        name: 'stories',
        interval: '1s',
        rules: [
          alert(
            'DatabaseConnectionsExhausted',
            `label_replace(db_connections_active{namespace="${namespace}"} / on (namespace) db_connections_max > 0.9, "deployment", "api-server", "", "")`
          )
        ]
      }
    ]
  })
  const server: ObjectRef = { kind: 'Deployment', namespace, name: 'api-server' }
  const { kube, cluster } = world.clients
  ok(await kube.post(`${collectionPath('Deployment', namespace)}?fieldManager=pipeline`, deploymentOf('api-server', 'server:v1')))
  await untilWorkload(cluster, server, workload => workload.rollout.available, 'it runs')
  await world.astern()
  if (leak) {
    await new Promise(resolve => setTimeout(resolve, 1_500))
    await setImage(kube, server, 'server:v2')
    await untilWorkload(cluster, server, workload => imageOf(workload) === 'server:v2' && workload.rollout.available, 'v2 runs')
    await new Promise(resolve => setTimeout(resolve, 2_500))
  }
  for (const connections of [75, 92, 98]) active = connections
  if (leak) {
    await untilWorkload(cluster, server, workload => imageOf(workload) === 'server:v1', 'v1 is back')
    active = 45
  }
  const run = await world.untilRun(ended, 'the run ends')

  if (leak) {
    t.equal(run['outcome'], 'recovered', { run })
    t.equal(world.proxy.deploymentWrites().length, 1)
    return
  }
  t.same([run['outcome'], run['reason']], ['denied', 'no-recent-change'])
  t.equal(world.proxy.writes.filter(write => !write.dryRun && !write.uri.includes('/events')).length, 0, 'nothing was written')
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
}

/** I3 and I4: a release minutes before; in I4 only its configuration changed, and every request fails. */
export async function i3AndI4(t: Test, site: ReleaseSite, namespace: string, incident: 'I3' | 'I4'): Promise<void> {
  const name = incident === 'I3' ? 'SymfonyHighErrorRate' : 'AllRequestsFail'
  const world = await openWorld(t, site, namespace, {
    policies: shippedPolicies(namespace),
    groups: [{ name: 'stories', interval: '1s', rules: [alert(name, `${RATIO(namespace)} > ${incident === 'I3' ? 0.05 : 0.5}`)] }]
  })
  Object.assign(world.flags, { helm: site.program, kubeconfig: site.kubeconfig })
  const chart = writeChart(t)
  const { helm } = site
  await world.astern()
  await helm('install', 'api', chart, '-n', namespace, '--wait')
  const level = async (): Promise<string | undefined> =>
    textAt(ok(await world.clients.kube.get(`/api/v1/namespaces/${namespace}/configmaps/api`)), 'data', 'level')
  if (incident === 'I3') await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40', '--wait')
  else {
    await helm('upgrade', 'api', chart, '-n', namespace, '--set', 'level=typo', '--wait')
    world.errors.set('app:v1', 1)
    await waitUntil(async () => (await level()) === 'good', 'the configuration is back')
    world.errors.delete('app:v1')
  }
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  t.equal(await level(), 'good')
  const after = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it runs')
  t.equal(imageOf(after), 'app:v1')
  t.notOk((after.templateManager ?? '').startsWith('astern'), 'by Helm, and not behind its back')
}

/** I4 without a release: people are told within a minute, and nothing is restarted. */
export async function i4NobodyOwns(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    policies: shippedPolicies(namespace),
    groups: [{ name: 'stories', interval: '1s', rules: [alert('AllRequestsFail', `${RATIO(namespace)} > 0.5`)] }]
  })
  await world.deploy('app:v1')
  await world.astern()
  world.errors.set('app:v1', 1)
  const run = await world.untilRun(ended, 'the run ends', 60_000)

  t.same([run['outcome'], run['reason']], ['denied', 'not-helm-owned'])
  t.equal(world.proxy.deploymentWrites().length, 0)
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
}

/** I5: three times the traffic, the autoscaler at its ceiling, nothing deployed: floor and ceiling up, and back later. */
export async function i5Surge(t: Test, site: Site, namespace: string): Promise<void> {
  let surge = 1
  const world = await openWorld(t, site, namespace, {
    load: () => surge,
    policies: shippedPolicies(namespace),
    groups: [
      {
        name: 'stories',
        interval: '1s',
        rules: [
          alert(
            'TrafficSurge',
            `sum by (namespace, deployment) (rate(http_requests_total{namespace="${namespace}"}[5s])) / count by (namespace, deployment) (http_requests_total{namespace="${namespace}", status="200"}) > 40`
          )
        ]
      }
    ]
  })
  await world.deploy('app:v1')
  const path = `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`
  ok(await world.clients.kube.post(path, autoscalerOf('api', 2, 2)))
  const bounds = async (): Promise<readonly unknown[]> => {
    const read = ok(await world.clients.kube.get(`${path}/api`))
    return [numberAt(read, 'spec', 'minReplicas'), numberAt(read, 'spec', 'maxReplicas')]
  }
  await world.astern()
  surge = 3
  await waitUntil(async () => (await bounds()).join() === '4,4', 'floor and ceiling are raised')
  surge = 1.5
  const run = await world.untilRun(ended, 'the run ends')
  await waitUntil(async () => (await bounds()).join() === '2,2', 'both are put back')

  t.equal(run['outcome'], 'recovered', { run })
  t.equal(world.proxy.deploymentWrites().length, 0, 'and never a rollback')
}
