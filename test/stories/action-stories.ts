import type { Test } from 'tap'
import { type JsonObject, listAt, numberAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { autoscalerOf, imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { openBreakers } from '../support/world/breakers.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World, waitUntil } from '../support/world/world.ts'

// Long enough that the samples at its end have a window of traffic of their own, also on a busy machine.
/** What a rung that does not help takes; long enough that a busy machine has numbers again after a restart. */
const SHORT = { within: '36s', passes: 2, every: '1s' }
const RESET = {
  action: 'circuit-breaker-reset',
  with: { url: 'http://{{ pod.ip }}:8080/actuator/circuitbreakers/payments', each: 'pod' },
  confirm: SHORT
}

/** 3. Restart → breaker reset → undo → people: the API-gateway runbook as one policy. */
export async function story3(t: Test, site: Site, namespace: string): Promise<void> {
  const breakers = openBreakers('payments')
  const world = await openWorld(t, site, namespace, {
    answer: breakers.answer,
    policies: [
      storyPolicy(namespace, {
        escalate: { after: '4m', to: ['people'] },
        steps: [
          { action: 'rollout-restart', confirm: SHORT },
          RESET,
          { action: 'rollout-undo', with: { provenFor: '0s' }, when: { changedWithin: '10m' }, confirm: SHORT }
        ]
      })
    ]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  world.errors.set('app:v1', 0.5)

  const run = await world.untilRun(ended, 'the ladder is used up', 230_000)

  t.equal(run['outcome'], 'ineffective', { run })
  t.equal(run['step'], 2)
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  const writes = listAt(body, 'timeline').flatMap(row => (textAt(row, 'kind') === 'write' ? [textAt(row, 'action')] : []))
  t.same(writes, ['rollout-restart', 'circuit-breaker-reset', 'rollout-undo'], 'each rung once, in order')
  t.equal(new Set(breakers.posts).size, 2, 'each pod’s own breaker')
  t.equal(breakers.posts.length, 2, 'once')
  t.ok([...breakers.states.values()].some(states => states.get('payments') === 'CLOSED'))
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
}

/** A rung whose own condition does not hold is passed over; a breaker that is not there is never made. */
export async function rungsWithConditions(t: Test, site: Site, namespace: string): Promise<void> {
  const breakers = openBreakers('payments')
  const world = await openWorld(t, site, namespace, {
    answer: breakers.answer,
    policies: [
      storyPolicy(namespace, {
        steps: [
          { ...RESET, when: { queries: [{ name: 'upstream healthy', promql: 'vector(0)', holdsWhen: '> 0' }] } },
          { action: 'rollout-undo', with: { provenFor: '0s' }, confirm: SHORT }
        ]
      }),
      storyPolicy(namespace, {
        name: 'unknown-breaker',
        match: ['alertname="Never"'],
        steps: [{ ...RESET, with: { url: 'http://{{ pod.ip }}:8080/actuator/circuitbreakers/paymints', each: 'pod' } }]
      })
    ]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const unknown = await (async () => {
    let answer: JsonObject = {}
    await waitUntil(
      async () => {
        const { body } = await world.api('POST', '/api/v1/dry-runs', { policy: 'unknown-breaker', target: world.target })
        answer = body
        return body['reason'] === 'breaker-unknown'
      },
      () => `the breaker is looked for: ${JSON.stringify(answer)}`
    )
    return answer
  })()
  const run = await world.untilRun(ended, 'the run ends')

  t.match(unknown['detail'], /no breaker "paymints"/)
  t.equal(run['outcome'], 'recovered', { run })
  t.equal(run['step'], 1)
  t.same(breakers.posts, [], 'no breaker was touched')
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  t.match(
    listAt(body, 'timeline').find(row => textAt(row, 'verdict') === 'act'),
    { passed: [{ step: 0, action: 'circuit-breaker-reset', why: /upstream healthy: 0/ }] }
  )
}

const hpaPath = (namespace: string): string => `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`

/** Traffic per pod, in requests a second: more pods share it. */
const PER_POD = (namespace: string): string =>
  `sum(rate(http_requests_total{namespace="${namespace}"}[5s])) / count(http_requests_total{namespace="${namespace}", status="200"})`

/** 6. A surge without a deploy: the autoscaler's floor is raised, and put back later; never a rollback. */
export async function story6(t: Test, site: Site, namespace: string): Promise<void> {
  let surge = 1
  const world = await surgeWorld(t, site, namespace, {
    surge: () => surge,
    steps: [
      {
        action: 'scale',
        with: { by: '+100%', max: 6, autoscaler: 'floor', restoreAfter: '3s' },
        confirm: { within: '80s', passes: 2, every: '1s' }
      }
    ]
  })
  await world.deploy('app:v1')
  ok(await world.clients.kube.post(hpaPath(namespace), autoscalerOf('api', 2, 6)))
  const floor = async (): Promise<number | undefined> =>
    numberAt(ok(await world.clients.kube.get(`${hpaPath(namespace)}/api`)), 'spec', 'minReplicas')
  await world.astern()
  surge = 3

  await waitUntil(async () => (await floor()) === 4, 'the floor is raised')
  surge = 1.5
  const run = await world.untilRun(ended, 'the run ends')
  const scaled = await untilWorkload(world.clients.cluster, world.target, workload => workload.replicas >= 4, 'four pods')
  await waitUntil(async () => (await floor()) === 2, 'the floor is put back')

  t.equal(run['outcome'], 'recovered', { run })
  t.equal(imageOf(scaled), 'app:v1')
  t.equal(world.proxy.deploymentWrites().length, 0, 'the Deployment itself was never written')
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  await waitUntil(async () => {
    const told = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
    return listAt(told.body, 'timeline').some(row => textAt(row, 'kind') === 'loan-returned')
  }, 'it is told that it was given back')
  t.match(JSON.stringify(body), /raise the floor of autoscaler api from 2 to 4/)
}

async function surgeWorld(
  t: Test,
  site: Site,
  namespace: string,
  { surge, steps }: { readonly surge: () => number; readonly steps: readonly unknown[] }
): Promise<World> {
  const world = await openWorld(t, site, namespace, {
    load: surge,
    groups: [
      {
        name: 'stories',
        interval: '1s',
        rules: [
          {
            alert: 'TrafficSurge',
            expr: `label_replace(label_replace(${PER_POD(namespace)} > 40, "namespace", "${namespace}", "", ""), "deployment", "api", "", "")`,
            for: '2s',
            labels: { severity: 'critical' }
          }
        ]
      }
    ],
    policies: [
      storyPolicy(namespace, {
        match: ['alertname="TrafficSurge"'],
        changedWithin: undefined,
        verify: [{ name: 'requests per pod', promql: PER_POD(namespace), failWhen: '> 40', samples: 2, every: '1s', maxAge: '10s' }],
        steps
      })
    ]
  })
  return world
}

/** Without an autoscaler: the scale subresource, and back. Another number that people set meanwhile is theirs. */
export async function scaledAndKept(t: Test, site: Site, namespace: string): Promise<void> {
  let surge = 1
  const world = await surgeWorld(t, site, namespace, {
    surge: () => surge,
    steps: [{ action: 'scale', with: { by: '+2', max: 5, restoreAfter: '2s' }, confirm: { within: '80s', passes: 2, every: '1s' } }]
  })
  await world.deploy('app:v1')
  await world.astern()
  surge = 3
  await untilWorkload(world.clients.cluster, world.target, workload => workload.replicas === 4, 'four pods')
  ok(await world.clients.kube.jsonPatch(objectPath(world.target), [{ op: 'replace', path: '/spec/replicas', value: 5 }]))
  surge = 1
  const run = await world.untilRun(ended, 'the run ends')
  await waitUntil(() => world.people.some(message => /not given back/.test(message.title)), 'people are told that it is theirs now')

  t.equal(run['outcome'], 'recovered', { run })
  const after = await untilWorkload(world.clients.cluster, world.target, () => true, 'a read')
  t.equal(after.replicas, 5)
}

/** One pod of three is sick: it goes, and no other; a disruption budget has the last word. */
export async function sickPod(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { replicas: 3 },
    groups: [
      {
        name: 'stories',
        interval: '1s',
        rules: [
          {
            alert: 'PodsMissing',
            expr: `count by (namespace, deployment) (http_requests_total{namespace="${namespace}", status="200"}) < 3`,
            for: '3s',
            labels: { severity: 'critical' }
          }
        ]
      }
    ],
    policies: [
      storyPolicy(namespace, {
        match: ['alertname="PodsMissing"'],
        changedWithin: undefined,
        verify: [
          {
            name: 'serving pods',
            promql: 'count(http_requests_total{namespace="{{ target.namespace }}", deployment="{{ target.name }}", status="200"})',
            failWhen: '< 3',
            samples: 1,
            maxAge: '10s'
          }
        ],
        steps: [{ action: 'delete-pod', with: { olderThan: '1s' }, confirm: { within: '80s', passes: 2, every: '1s' } }]
      })
    ]
  })
  await world.deploy('app:v1')
  await world.astern()
  const { pods } = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it runs')
  const sick = pods[0]?.name ?? ''
  const budget = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`
  ok(
    await world.clients.kube.post(budget, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'api' },
      spec: { minAvailable: 3, selector: { matchLabels: { app: 'api' } } }
    })
  )
  const podPath = `/api/v1/namespaces/${namespace}/pods/${sick}`
  const conditions = listAt(ok(await world.clients.kube.get(podPath)), 'status', 'conditions')
  const ready = conditions.findIndex(condition => textAt(condition, 'type') === 'Ready')
  ok(
    await world.clients.kube.jsonPatch(`${podPath}/status`, [{ op: 'replace', path: `/status/conditions/${ready}/status`, value: 'False' }])
  )

  const held = await world.untilRun(run => run['reason'] === 'disruption-budget', 'the budget holds it')
  ok(await world.clients.kube.delete(`${budget}/api`))
  const run = await world.untilRun(ended, 'the run ends')

  t.match(held['detail'], new RegExp(sick))
  t.match(held['detail'], /The disruption budget api needs 3 healthy pods and has 2 currently/, 'the budget is named')
  t.equal(run['outcome'], 'recovered', { run })
  const after = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it runs again')
  t.same(
    pods.map(pod => pod.name).filter(name => !after.pods.some(pod => pod.name === name)),
    [sick],
    'only the sick one is gone'
  )
}
