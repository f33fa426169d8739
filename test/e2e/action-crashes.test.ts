import t, { type Test } from 'tap'
import { listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import type { FaultPoint } from '../../src/domain/ports/faults.ts'
import { startArgoRollouts } from '../support/cluster/argo-rollouts.ts'
import { installGitopsKinds } from '../support/cluster/gitops.ts'
import { HELMS, obtain } from '../support/cluster/go-build.ts'
import { openHelm } from '../support/cluster/helm.ts'
import { untilWorkload } from '../support/conformance/clients.ts'
import { actionCases } from '../support/e2e/action-cases.ts'
import { startReceiver } from '../support/e2e/receiver.ts'
import { openSite } from '../support/e2e/site.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, waitUntil } from '../support/world/world.ts'

// `kill -9` right before and right after the write of each action, and, for a scale, of its giving back. Every other point:
// test/unit/pipeline/crashes.test.ts, and test/stories/crash.ts for an undo.
t.jobs = 3
const { plane, admin, site } = await openSite(t)
await startArgoRollouts(t, admin, plane.kubeconfig)
await installGitopsKinds(admin)
const program = HELMS.at(-1)
if (program === undefined) throw new Error('no helm')
const helm = await openHelm(t, program, plane.kubeconfig)

/** A run of the case is asked for, by an Astern that dies at the point. */
async function askedFor(t: Test, name: string, point: FaultPoint) {
  const one = actionCases({ admin, helm, receiver: { url: '', calls: [] } }).find(known => known.name === name)
  if (one === undefined) throw new Error('there is no such case')
  const namespace = `${point}-${name.replaceAll(' ', '-')}`
  const world = await openWorld(t, site, namespace, {
    ...one.world,
    policies: [
      storyPolicy(namespace, { name: 'act', match: ['alertname="Never"'], escalate: { after: '4m', to: ['people'] }, ...one.policy })
    ]
  })
  const first = await world.asternProcess(point)
  await one.bad(t, world)
  await world.api('POST', '/api/v1/runs', { policy: 'act', target: world.target })
  return { one, world, namespace, first }
}

for (const point of ['before-write', 'after-write'] as const)
  for (const [index, { name }] of actionCases({ admin, helm, receiver: { url: '', calls: [] } }).entries())
    void t.test(`${name}: killed at ${point}`, { buffered: true }, async t => {
      // Each with a memory of its own.
      const one = actionCases({ admin, helm, receiver: await startReceiver(t) })[index]
      if (one === undefined) throw new Error('there is no such case')
      const namespace = `${point}-${name.toLowerCase().replaceAll(' ', '-')}`
      const world = await openWorld(t, site, namespace, {
        ...one.world,
        policies: [
          storyPolicy(namespace, { name: 'act', match: ['alertname="Never"'], escalate: { after: '4m', to: ['people'] }, ...one.policy })
        ]
      })
      // Straight to the API server: helm gives its token to nobody without TLS.
      Object.assign(world.flags, { helm: await obtain(program), kubeconfig: plane.kubeconfig })
      const first = await world.asternProcess(point)
      await one.bad(t, world)
      // Asked for as soon as it may: until then a run waits.
      await world.api('POST', '/api/v1/runs', { policy: 'act', target: world.target }).catch(() => {})
      await waitUntil(
        () => first.exited(),
        () => `Astern dies at ${point}; it said ${first.output().slice(-2_000)}`
      )
      if (point === 'after-write') await one.better?.(world)
      await world.asternProcess()
      if (point === 'before-write') {
        await waitUntil(async () => {
          const { body } = await world.api('GET', '/api/v1/runs?kind=live')
          return listAt(body, 'items').some(run => textAt(run, 'state') === 'ended' || (run as { wrote?: boolean }).wrote === true)
        }, 'it is written')
        await one.better?.(world)
      }
      const run = await world.untilRun(ended, `the run ends after a crash at ${point}`, 150_000)

      // A call that may have been sent is not sent again, whether it was or not; a breaker that is closed by now was.
      const lost = name === 'http' || (name === 'circuit-breaker-reset' && point === 'before-write')
      t.equal(run['outcome'], lost ? 'unknown' : 'recovered', { run })
      t.equal(one.calls?.() ?? 0, point === 'before-write' ? 0 : (one.called ?? 0), 'called once, or not at all')
      const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
      const writes = listAt(body, 'timeline').filter(row => textAt(row, 'kind') === 'write')
      t.equal(new Set(writes.map(row => textAt(row, 'action'))).size, writes.length, 'one write a rung')
      if (name === 'helm-rollback') {
        const history: unknown = JSON.parse(await helm('history', 'api', '-n', namespace, '-o', 'json'))
        t.equal(listAt({ history }, 'history').length, 3, 'one revision was made')
      }
    })

for (const point of ['before-return', 'after-return'] as const)
  for (const name of ['scale autoscaler', 'scale workload'])
    void t.test(`${name}: killed at ${point}`, { buffered: true }, async t => {
      const { one, world, namespace, first } = await askedFor(t, name, point)
      await untilWorkload(world.clients.cluster, world.target, workload => workload.replicas === 3, 'it is scaled')
      await one.better?.(world)
      await waitUntil(
        () => first.exited(),
        () => `Astern dies at ${point}; it said ${first.output().slice(-2_000)}`
      )
      const audit = async (): Promise<string> => JSON.stringify((await world.api('GET', '/api/v1/audit?limit=500')).body)

      await world.asternProcess()
      // What the dead process had taken up is free after two minutes.
      await waitUntil(async () => /loan-returned/.test(await audit()), 'it is given back', 180_000)

      t.notMatch(await audit(), /loan-kept/)
      const path = '/apis/autoscaling/v2/namespaces'
      if (name === 'scale workload')
        await untilWorkload(world.clients.cluster, world.target, workload => workload.replicas === 2, 'two again')
      else t.match(await admin.kube.get(`${path}/${namespace}/horizontalpodautoscalers/api`), { object: { spec: { minReplicas: 2 } } })
    })

// Right before and right after the fields of a write are given up. For an undo: test/stories/crash.ts.
for (const point of ['before-give-up', 'after-give-up'] as const)
  for (const name of ['rollout-restart', 'scale autoscaler', 'scale workload'])
    void t.test(`${name}: killed at ${point}`, { buffered: true }, async t => {
      const { one, world, namespace, first } = await askedFor(t, name, point)
      await waitUntil(async () => {
        const { body } = await world.api('GET', '/api/v1/runs?kind=live')
        return listAt(body, 'items').some(run => (run as { wrote?: boolean }).wrote === true)
      }, 'it is written')
      await one.better?.(world)
      await waitUntil(
        () => first.exited(),
        () => `Astern dies at ${point}; it said ${first.output().slice(-2_000)}`
      )

      await world.asternProcess()
      const run = await world.untilRun(ended, `the run ends after a crash at ${point}`, 150_000)

      t.equal(run['outcome'], 'recovered', { run })
      const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
      t.equal(listAt(body, 'timeline').filter(row => textAt(row, 'kind') === 'write').length, 1, 'one write')
      const path =
        name === 'scale autoscaler' ? `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/api` : objectPath(world.target)
      await waitUntil(async () => {
        const found = await admin.kube.get(path)
        return (
          found.kind === 'ok' && !listAt(found.object, 'metadata', 'managedFields').some(entry => textAt(entry, 'manager') === 'astern')
        )
      }, 'no field is Astern’s, also once it is given back')
    })
