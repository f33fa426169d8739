import type { Test } from 'tap'
import { evict } from '../../../src/actions/evict.ts'
import { rolloutRestart } from '../../../src/actions/rollout-restart/rollout-restart.ts'
import { rolloutUndo } from '../../../src/actions/rollout-undo/rollout-undo.ts'
import { scale } from '../../../src/actions/scale/scale.ts'
import { at, listAt, numberAt, textAt } from '../../../src/base/json.ts'
import { createGuardedCluster } from '../../../src/cluster/guarded-cluster.ts'
import { mayI } from '../../../src/cluster/rights.ts'
import { startWatcher } from '../../../src/cluster/watcher.ts'
import type { ObjectRef } from '../../../src/domain/objects.ts'
import type { PatchWrite, Plan } from '../../../src/domain/plan.ts'
import type { ObservedTemplate, Workload } from '../../../src/domain/workload.ts'
import { rowOf } from '../../../src/domain/write-answers.ts'
import { EVENT_RIGHT } from '../../../src/notify/kubernetes-event/kubernetes-event.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { storyTools } from '../story-tools.ts'
import { intentOf, planInput } from '../workloads.ts'
import { deploymentOf, imageOf, ok, openClients, pathOf, setImage, statusOf, untilWorkload } from './clients.ts'

const BROKEN = 'sandbox.astern.dev/broken'
const done = (workload: Workload): boolean => workload.rollout.state === 'complete' && workload.rollout.available
const soon = (): AbortSignal => AbortSignal.timeout(10_000)

/** One suite for the sandbox and the real control plane. Where they differ, the sandbox is wrong. */
export async function clusterConformance(t: Test, kubeconfig: string, namespace: string): Promise<void> {
  const { kube, cluster, offset, close } = await openClients(kubeconfig)
  t.teardown(close)
  ok(await kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  const deploy = async (name: string, image: string, more = {}): Promise<ObjectRef> => {
    ok(await kube.post(`${pathOf({ namespace })}?fieldManager=pipeline`, deploymentOf(name, image, more)))
    const ref: ObjectRef = { kind: 'Deployment', namespace, name }
    await untilWorkload(cluster, ref, workload => workload.revisions.length === 1, `${name} got its first revision`)
    return ref
  }
  const planOf = (workload: Workload): Plan<PatchWrite> => {
    const result = rolloutUndo.plan(planInput(workload, { options: { provenFor: '0s' }, now: Date.now() }))
    if (result.kind !== 'plan') throw new Error(`no plan: ${result.refusal.detail}`)
    return result.plan
  }

  await t.test('a rollout completes, and a new image is a new revision', async t => {
    const ref = await deploy('rollout', 'app:1')
    const first = await untilWorkload(cluster, ref, done, 'the first rollout')
    t.equal(first.revisions[0]?.number, 1)
    t.equal(first.pods.length, 2)
    t.ok(first.rollout.completedAt, 'the condition tells when it was complete')

    await setImage(kube, ref, 'app:2')
    const second = await untilWorkload(cluster, ref, workload => done(workload) && workload.revisions.length === 2, 'the second rollout')

    t.same(
      second.revisions.map(revision => revision.number),
      [2, 1]
    )
    t.equal(second.identity, second.revisions[0]?.identity, 'the newest ReplicaSet has the identity of the template')
    t.not(second.identity, first.identity)
    t.ok(second.pods.every(pod => pod.current && pod.ready))
    t.equal(second.templateManager, 'pipeline')
  })

  await t.test('a pod counts as available once it was ready for minReadySeconds', async t => {
    const ref = await deploy('stretched', 'app:1')
    await untilWorkload(cluster, ref, done, 'the first rollout')
    ok(await kube.jsonPatch(pathOf(ref), [{ op: 'add', path: '/spec/minReadySeconds', value: 3 }]))
    await setImage(kube, ref, 'app:2')
    const both = await untilWorkload(
      cluster,
      ref,
      ({ pods }) => pods.some(pod => pod.current && pod.ready) && pods.some(pod => !pod.current && pod.ready && !pod.terminating),
      'both versions serve'
    )
    t.equal(both.rollout.state, 'moving')
    const after = await untilWorkload(
      cluster,
      ref,
      workload => done(workload) && workload.pods.every(pod => pod.current),
      'the second rollout'
    )
    t.equal(after.minReadyMs, 3_000)
  })

  await t.test('a caller may ask what it may', async t => {
    t.same(await mayI(kube, EVENT_RIGHT, namespace, soon()), { kind: 'allowed' })
  })

  await t.test('undo: the old ReplicaSet is taken up again, with a new number and its old creation time', async t => {
    const ref = await deploy('undo', 'app:1')
    const first = await untilWorkload(cluster, ref, done, 'the first rollout')
    await setImage(kube, ref, 'app:2')
    const bad = await untilWorkload(cluster, ref, workload => done(workload) && imageOf(workload) === 'app:2', 'the second rollout')

    const result = await cluster.write(planOf(bad), { intent: 'intent-1', dryRun: false }, soon())
    t.equal(result.kind, 'applied')
    if (result.kind === 'applied') t.equal(result.generation, bad.generation + 1)
    const undone = await untilWorkload(cluster, ref, workload => done(workload) && imageOf(workload) === 'app:1', 'the undo')

    t.equal(undone.identity, first.identity)
    t.equal(undone.revisions[0]?.number, 3)
    t.match(undone.revisions[0], { reused: true, madeAs: 1 })
    t.equal(undone.revisions[0]?.createdAt, first.revisions[0]?.createdAt)
    t.equal(undone.templateAt.mark, 'intent-1')
    t.equal(rolloutUndo.effect(intentOf(planOf(bad), 'intent-1'), undone), 'seen')
    t.equal(undone.templateManager, 'astern')
  })

  await t.test('fields that were written are given up, and nothing else changes', async t => {
    const ref = await deploy('given-up', 'app:1')
    await setImage(kube, ref, 'app:2')
    const bad = await untilWorkload(cluster, ref, workload => done(workload) && imageOf(workload) === 'app:2', 'the second rollout')
    const plan = planOf(bad)
    t.match(await cluster.write(plan, { intent: 'intent-3', dryRun: false }, soon()), { kind: 'applied', left: plan.to })
    const before = await untilWorkload(cluster, ref, workload => done(workload) && imageOf(workload) === 'app:1', 'the undo')
    t.ok(before.templateWriters?.some(writer => writer.manager === 'astern'))
    const tools = storyTools(cluster, systemClock, { kube })

    t.match(await rolloutUndo.giveUpFields(tools, plan, soon()), { kind: 'given-up' })

    const after = await untilWorkload(cluster, ref, () => true, 'a read')
    t.notOk(after.templateWriters?.some(writer => writer.manager === 'astern'))
    t.same([after.generation, after.identity, after.templateAt.mark], [before.generation, before.identity, 'intent-3'])
    t.same(await rolloutUndo.giveUpFields(tools, plan, soon()), { kind: 'nothing' }, 'twice is once')
  })

  await t.test('a deploy guard’s look: old and new pods at once, by the version that is judged', async t => {
    const guarded = createGuardedCluster(kube, offset, Date.now)
    const ref = await deploy('looked-at', 'app:1', { spec: { minReadySeconds: 2 } })
    const first = await untilWorkload(cluster, ref, done, 'the first rollout')
    const both = async () => {
      const look = await guarded.look(ref, undefined, soon())
      if (look.kind !== 'found') throw new Error(look.detail)
      return look
    }
    const before = await both()
    t.same([...new Set(before.pods.map(pod => pod.version))], ['new'], 'one version only')
    t.ok(before.pods.every(pod => pod.ip !== undefined && pod.readyFrom !== undefined && pod.readyFrom >= pod.bornAt && pod.restarts === 0))

    ok(
      await kube.jsonPatch(pathOf(ref), [
        { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:2' },
        { op: 'add', path: '/spec/template/metadata/annotations', value: { [BROKEN]: 'CrashLoopBackOff' } }
      ])
    )
    await untilWorkload(cluster, ref, workload => workload.rollout.brokenPods.length > 0, 'the crash')
    const look = await both()
    t.equal(look.workload.revisions[0]?.identity, look.workload.identity)
    t.same([...new Set(look.pods.map(pod => pod.version))].sort(), ['new', 'old'])
    const crashing = look.pods.filter(pod => pod.version === 'new')
    t.match(crashing[0]?.containers?.[0], { name: 'main', waiting: { reason: 'CrashLoopBackOff' } })
    t.ok(crashing.every(pod => pod.readyFrom === undefined))

    const other = await guarded.look(ref, first.identity, soon())
    if (other.kind !== 'found') throw new Error(other.detail)
    t.ok(
      other.pods.every(pod => (pod.version === 'new') === before.pods.some(({ uid }) => uid === pod.uid)),
      'judged is the version that was asked for'
    )
    t.match(await guarded.look({ ...ref, name: 'nowhere' }, undefined, soon()), { kind: 'not-found' })
  })

  await t.test('restart: new pods of the same identity', async t => {
    const ref = await deploy('restart', 'app:1')
    const before = await untilWorkload(cluster, ref, done, 'the first rollout')

    const result = rolloutRestart.plan(planInput(before))
    if (result.kind !== 'plan') throw new Error(`no plan: ${result.refusal.detail}`)
    const intent = intentOf(result.plan, 'intent-2', Date.now())
    const tools = storyTools(cluster, systemClock)
    t.equal((await rolloutRestart.apply(tools, intent, { dryRun: false }, soon())).kind, 'applied')
    const after = await untilWorkload(cluster, ref, workload => done(workload) && workload.revisions.length === 2, 'the restart')

    t.equal(after.identity, before.identity, 'a restart is no change')
    t.notSame(after.pods.map(pod => pod.name).sort(), before.pods.map(pod => pod.name).sort())
    t.equal(rolloutRestart.effect(intent, after), 'seen')
  })

  await t.test('preconditions: scaling does not fail them, another template does', async t => {
    const ref = await deploy('guarded', 'app:1')
    await setImage(kube, ref, 'app:2')
    const judged = await untilWorkload(cluster, ref, workload => done(workload) && workload.revisions.length === 2, 'two revisions')
    const plan = planOf(judged)

    ok(await kube.jsonPatch(pathOf(ref), [{ op: 'replace', path: '/spec/replicas', value: 3 }]))
    // A controller that writes the status at the very moment makes the API server answer a conflict too: the run then plans again.
    await untilWorkload(cluster, ref, workload => done(workload) && workload.pods.length === 3, 'three pods')
    t.match(
      await cluster.write(plan, { intent: 'i', dryRun: true }, soon()),
      { kind: 'applied' },
      'scaled in between: the template is still the one that was judged'
    )
    await setImage(kube, ref, 'app:3')
    t.equal((await cluster.write(plan, { intent: 'i', dryRun: false }, soon())).kind, 'conflict', 'deployed forward in between')

    const now = await untilWorkload(cluster, ref, workload => imageOf(workload) === 'app:3', 'app:3')
    t.equal(now.replicas, 3)
    const otherObject: Plan<PatchWrite> = {
      ...plan,
      write: { ...plan.write, operations: [{ op: 'test', path: '/metadata/uid', value: 'another' }] }
    }
    t.equal((await cluster.write(otherObject, { intent: 'i', dryRun: false }, soon())).kind, 'conflict')
  })

  await t.test('a dry run stores nothing', async t => {
    const ref = await deploy('dry', 'app:1')
    await setImage(kube, ref, 'app:2')
    const before = await untilWorkload(cluster, ref, workload => done(workload) && workload.revisions.length === 2, 'two revisions')

    t.equal((await cluster.write(planOf(before), { intent: 'i', dryRun: true }, soon())).kind, 'applied')

    const after = await untilWorkload(cluster, ref, () => true, 'a read')
    t.equal(after.generation, before.generation)
    t.equal(imageOf(after), 'app:2')
  })

  await t.test('a broken version stalls, and is undone', async t => {
    const ref = await deploy('broken', 'app:1', { progressDeadlineSeconds: 3 })
    await untilWorkload(cluster, ref, done, 'the first rollout')
    ok(
      await kube.jsonPatch(pathOf(ref), [
        { op: 'add', path: '/spec/template/metadata/annotations', value: { [BROKEN]: 'CrashLoopBackOff' } }
      ])
    )

    const crashing = await untilWorkload(cluster, ref, workload => workload.rollout.brokenPods.length > 0, 'the crash')
    t.match(crashing.rollout.brokenPods[0], /CrashLoopBackOff/)
    const stuck = await untilWorkload(cluster, ref, workload => /progress/.test(workload.rollout.detail), 'the progress deadline')
    t.equal(stuck.rollout.state, 'stalled')
    t.equal((await cluster.write(planOf(stuck), { intent: 'i', dryRun: false }, soon())).kind, 'applied')

    const back = await untilWorkload(cluster, ref, done, 'the undo')
    t.same(back.rollout.brokenPods, [])
  })

  await t.test('scale: only from the number that was judged; a dry run changes nothing', async t => {
    const ref = await deploy('scaled', 'app:1')
    const before = await untilWorkload(cluster, ref, done, 'the first rollout')
    const options = { to: 4, max: 5 }
    const tools = storyTools(cluster, systemClock, { kube })
    const input = planInput(before, { options })
    const observed = await scale.observe(tools, input, soon())
    if (observed.kind === 'refused') throw new Error(observed.refusal.detail)
    const result = scale.plan(input, observed.seen)
    if (result.kind !== 'plan') throw new Error(result.refusal.detail)
    const apply = async (dryRun: boolean): Promise<string> => (await scale.apply(tools, intentOf(result.plan), { dryRun }, soon())).kind

    t.equal(await apply(true), 'applied')
    t.equal((await untilWorkload(cluster, ref, () => true, 'a read')).replicas, 2)
    t.equal(await apply(false), 'applied')
    const after = await untilWorkload(cluster, ref, workload => done(workload) && workload.pods.length === 4, 'four pods')
    t.equal(after.identity, before.identity, 'scaling is no change')
    t.equal(await apply(false), 'conflict', 'it has four by now')
    t.equal((await scale.giveBack(tools, result.plan, soon())).kind, 'applied')
    await untilWorkload(cluster, ref, workload => workload.replicas === 2, 'two again')
    t.equal((await scale.giveBack(tools, result.plan, soon())).kind, 'applied', 'sent twice it is back already')
  })

  await t.test('evictions: this very pod, and a dry run changes nothing', async t => {
    const ref = await deploy('evicted', 'app:1')
    const { pods } = await untilWorkload(cluster, ref, workload => done(workload) && workload.pods.length === 2, 'the first rollout')
    const [pod] = pods
    if (pod === undefined) throw new Error('no pod')
    const tools = storyTools(cluster, systemClock, { kube })
    const isThere = async (): Promise<boolean> =>
      (await untilWorkload(cluster, ref, () => true, 'a read')).pods.some(one => one.uid === pod.uid && !one.terminating)

    t.same(await evict(tools, { namespace, ...pod }, { dryRun: true }, soon()), { kind: 'gone' })
    t.ok(await isThere(), 'a dry run')
    t.same(
      await evict(tools, { namespace, ...pod, uid: 'another' }, { dryRun: false }, soon()),
      { kind: 'gone' },
      'the one that was meant is not there'
    )
    t.ok(await isThere(), 'another pod of that name stays')
    t.same(await evict(tools, { namespace, ...pod }, { dryRun: false }, soon()), { kind: 'gone' })
    await untilWorkload(cluster, ref, workload => done(workload) && workload.pods.every(one => one.uid !== pod.uid), 'another one comes')
    t.same(await evict(tools, { namespace, ...pod }, { dryRun: false }, soon()), { kind: 'gone' }, 'twice is once')
  })

  await t.test('error codes', async t => {
    const ref = await deploy('codes', 'app:1')
    const read = ok(await kube.get(pathOf(ref)))
    t.equal(statusOf(await kube.get(pathOf({ namespace, name: 'nobody' }))), 404)
    t.same(await cluster.read({ ...ref, name: 'nobody' }, soon()), {
      kind: 'not-found',
      detail: `there is no Deployment ${namespace}/nobody`
    })
    t.equal(statusOf(await kube.post(pathOf({ namespace }), deploymentOf('codes', 'app:1'))), 409, 'it exists already')
    t.equal(statusOf(await kube.jsonPatch(pathOf(ref), [{ op: 'test', path: '/metadata/uid', value: 'x' }])), 422, 'a failed test')
    t.equal(
      statusOf(await kube.jsonPatch(pathOf(ref), [{ op: 'replace', path: '/spec/template/metadata/labels', value: { app: 'other' } }])),
      422,
      'an invalid object'
    )
    const told = async (operation: object): Promise<string> => {
      const answer = await kube.jsonPatch(pathOf(ref), [operation])
      return answer.kind === 'error' ? rowOf('patch', answer).means : answer.kind
    }
    t.equal(await told({ op: 'test', path: '/metadata/uid', value: 'x' }), 'conflict', 'one that names nothing')
    t.equal(await told({ op: 'replace', path: '/spec/template/metadata/labels', value: { app: 'other' } }), 'rejected', 'one that does')
    await untilWorkload(cluster, ref, done, 'the rollout')
    const stale = { ...read, spec: { ...(read['spec'] as object), replicas: 5 } }
    t.equal(statusOf(await kube.put(pathOf(ref), stale)), 409, 'a stale resourceVersion')
  })

  await t.test('events are written once', async t => {
    const event = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'said-once', namespace },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: 'astern.dev/astern',
      reportingInstance: 'test',
      action: 'Remediate',
      reason: 'AsternRecovered',
      type: 'Normal',
      note: 'a note',
      regarding: { kind: 'Namespace', name: namespace, namespace }
    }
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`

    t.equal(statusOf(await kube.post(path, event)), 201)
    t.equal(statusOf(await kube.post(path, event)), 409)
    t.equal(
      textAt(
        listAt(ok(await kube.get(path)), 'items').find(item => textAt(item, 'metadata', 'name') === 'said-once'),
        'note'
      ),
      'a note'
    )
  })

  await t.test('a list comes page by page, in order, as of its first page', async t => {
    for (const name of ['page-a', 'page-b', 'page-c'])
      ok(await kube.post(pathOf({ namespace }), deploymentOf(name, 'app:1', { replicas: 0 })))
    const whole = listAt(ok(await kube.get(pathOf({ namespace }))), 'items').map(item => textAt(item, 'metadata', 'name'))
    const names: (string | undefined)[] = []
    const versions = new Set<string | undefined>()
    let token = ''
    do {
      const page = ok(await kube.get(`${pathOf({ namespace })}?limit=2${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`))
      t.ok(listAt(page, 'items').length <= 2)
      names.push(...listAt(page, 'items').map(item => textAt(item, 'metadata', 'name')))
      versions.add(textAt(page, 'metadata', 'resourceVersion'))
      token = textAt(page, 'metadata', 'continue') ?? ''
    } while (token !== '')
    t.same(names, whole)
    t.equal(versions.size, 1)
    t.equal(statusOf(await kube.get(`${pathOf({ namespace })}?limit=2&continue=nonsense`)), 400)
  })

  await t.test('a watch that the server ends says with a bookmark how far it came', async t => {
    const list = ok(await kube.get(pathOf({ namespace })))
    const from = textAt(list, 'metadata', 'resourceVersion') ?? ''
    const types: string[] = []
    let last = 0
    const end = await kube.watch(
      `${pathOf({ namespace })}?watch=1&allowWatchBookmarks=true&timeoutSeconds=4&resourceVersion=${from}`,
      event => {
        types.push(String(event['type']))
        last = Number(textAt(event, 'object', 'metadata', 'resourceVersion'))
      },
      soon(),
      // Where nothing of the kind changed, the server has come no further than its list, and may say nothing.
      () => void kube.post(pathOf({ namespace }), deploymentOf('come-so-far', 'app:1', { replicas: 0 }))
    )
    t.equal(end.kind, 'ok')
    t.equal(types.at(-1), 'BOOKMARK')
    t.ok(last >= Number(from))
  })

  await t.test('a watch begins where its list ended', async t => {
    const list = ok(await kube.get(pathOf({ namespace })))
    const version = textAt(list, 'metadata', 'resourceVersion') ?? ''
    await deploy('watched', 'app:1')
    const seen: string[] = []
    const stop = new AbortController()

    await kube.watch(
      `${pathOf({ namespace })}?watch=1&resourceVersion=${version}`,
      event => {
        if (at(event, 'object', 'metadata', 'name') !== 'watched') return
        seen.push(String(event['type']))
        if (numberAt(event, 'object', 'status', 'availableReplicas') === 2) stop.abort()
      },
      AbortSignal.any([stop.signal, soon()])
    )

    t.equal(seen[0], 'ADDED', 'what happened before the watch began is told')
    t.ok(seen.slice(1).every(type => type === 'MODIFIED'))
    t.ok(seen.length > 1)
  })

  await t.test('the watcher tells each new template, once, with the server’s time', async t => {
    const ref = await deploy('observed', 'app:1')
    await untilWorkload(cluster, ref, done, 'the first rollout')
    const told: ObservedTemplate[] = []
    let wake: () => void = () => {}
    const watcher = startWatcher({
      client: kube,
      offset,
      clock: systemClock,
      namespaces: () => [namespace],
      kinds: () => ['Deployment'],
      failed: (what, detail) => t.fail(`${what}: ${detail}`),
      sink: {
        async found(sightings) {
          for (const { target, template } of sightings) await this.observed(target, template)
        },
        async observed(target, template) {
          if (target.name !== 'observed') return
          told.push(template)
          wake()
        }
      }
    })
    t.teardown(() => watcher.stop())
    const next = (count: number): Promise<void> =>
      new Promise(resolve => {
        wake = () => told.length >= count && resolve()
        wake()
      })
    await next(1)

    const before = Date.now()
    await setImage(kube, ref, 'app:2')
    await next(2)
    const after = Date.now()
    ok(await kube.jsonPatch(pathOf(ref), [{ op: 'replace', path: '/spec/replicas', value: 1 }]))
    await setImage(kube, ref, 'app:3')
    await next(3)

    t.same(
      told.map(template => template.seen),
      [false, true, true],
      'the first was found, the others were seen to happen; scaling is no change'
    )
    t.ok((told[1]?.at ?? 0) >= before - 1_000 && (told[1]?.at ?? 0) <= after + 1_000)
    t.equal(new Set(told.map(template => template.identity)).size, 3)
  })
}
