import type { Test } from 'tap'
import { listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { BROKEN } from '../support/cluster/stages.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { untilServing } from '../support/world/healthy.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site } from '../support/world/world.ts'

/** Pods that serve: one that cannot start is not among them. */
const SERVING = (namespace: string): string =>
  `count by (namespace, deployment) (http_requests_total{namespace="${namespace}", status="200"})`

/** 12. A StatefulSet stuck on a broken pod: undone, then unstuck in order. */
export async function story12(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { kind: 'StatefulSet', replicas: 3, spec: { serviceName: 'api' } },
    groups: [
      {
        name: 'stories',
        interval: '1s',
        rules: [{ alert: 'PodsMissing', expr: `${SERVING(namespace)} < 3`, for: '4s', labels: { severity: 'critical' } }]
      }
    ],
    policies: [
      storyPolicy(namespace, {
        match: ['alertname="PodsMissing"'],
        target: { kind: 'StatefulSet', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
        verify: [
          {
            name: 'serving pods',
            promql: 'count(http_requests_total{namespace="{{ target.namespace }}", deployment="{{ target.name }}", status="200"})',
            failWhen: '< 3',
            window: '1s',
            samples: 2,
            every: '1s',
            maxAge: '10s'
          }
        ]
      })
    ]
  })
  await world.astern()
  await world.deploy('app:v1')
  await untilServing(world, 3)

  ok(
    await world.clients.kube.jsonPatch(`${objectPath(world.target)}?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:v2' },
      { op: 'add', path: '/spec/template/metadata/annotations', value: { [BROKEN]: 'CrashLoopBackOff' } }
    ])
  )
  const stuck = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.brokenPods.length > 0, 'the crash')
  t.match(stuck.rollout.brokenPods[0], /^api-2: CrashLoopBackOff/)
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'all pods are back')
  t.equal(imageOf(back), 'app:v1')
  t.equal(world.proxy.deploymentWrites().length, 1, 'one write of the StatefulSet')
  const evictions = world.proxy.writes.filter(write => write.uri.includes('/eviction'))
  t.same(
    evictions.map(write => write.uri.replace(/^.*\/pods\//, '')),
    ['api-2/eviction'],
    'and the one pod that held it up went, after it'
  )
  t.ok(
    world.proxy.writes.indexOf(evictions[0] ?? { method: '', uri: '', dryRun: false, ownership: false }) >
      world.proxy.writes.findIndex(write => !write.dryRun && write.uri.includes('/statefulsets/'))
  )
  const told = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  t.match(
    listAt(told.body, 'timeline').flatMap(row => (textAt(row, 'kind') === 'on-the-way' ? [textAt(row, 'did')] : [])),
    [/evicted api-2/]
  )
}

/** 1, for a DaemonSet. */
export async function daemonSetUndone(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { kind: 'DaemonSet' },
    policies: [
      storyPolicy(namespace, { target: { kind: 'DaemonSet', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' } })
    ]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
  t.equal(imageOf(back), 'app:v1')
  t.same([back.revisions[0]?.number, back.revisions[0]?.reused], [3, true])
  t.equal(world.proxy.deploymentWrites().length, 1)
}
